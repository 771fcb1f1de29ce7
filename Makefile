# Every target does its own set-up: python3 (3.11 or newer) and make are all that is needed.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3

.DEFAULT_GOAL := help
.PHONY: help demo test check format bench docs messages vsix e2e screenshots clean

help:
	@echo "make demo    record CartPole and Taxi, find the faults of two broken models, search for right ones"
	@echo "make test    make check and all tests"
	@echo "make check   format, lint, types, import arrows"
	@echo "make format  format the code and apply safe lint fixes"
	@echo "make bench   print the benchmark tables"
	@echo "make docs    write the generated pages and pictures of docs/ anew"
	@echo "make messages  write the extension's types of the server's messages anew"
	@echo "make vsix    pack the VS Code extension; needs Node 20 or newer"
	@echo "make e2e     check it, and test it in a real VS Code workbench"
	@echo "make screenshots  take the pictures of the documentation in it"
	@echo "make clean   remove everything that make made, .venv included"

demo: $(VENV)/.installed
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash examples/demo.sh

test: check
	$(BIN)/python -m pytest -n auto --maxprocesses 8

check: $(VENV)/.installed-dev
	$(BIN)/python -m ruff format --check
	$(BIN)/python -m ruff check
	$(BIN)/python -m mypy
	$(BIN)/lint-imports --no-logo

format: $(VENV)/.installed-dev
	$(BIN)/python -m ruff check --fix
	$(BIN)/python -m ruff format

bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks

docs: $(VENV)/.installed-dev
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/picture.py
	$(BIN)/python docs/search_tree.py

messages: $(VENV)/.installed-dev
	$(BIN)/python scripts/messages.py

clean:
	rm -rf $(VENV) demo dist extension/dist node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The demo needs the engine alone; everything else needs the tools of the dev group too.
$(VENV)/.installed $(VENV)/.installed-dev: pyproject.toml scripts/setup.sh
	@PYTHON="$(PYTHON)" bash scripts/setup.sh "$(VENV)" "$@"

# The extension: Node 20 or newer is needed on top.
node_modules/.installed: package-lock.json
	@# Not npm ci: that refuses a lock file without the packages of systems that the registry does not have.
	npm install --no-save --ignore-scripts --no-audit --no-fund
	@touch $@

vsix: $(VENV)/.installed node_modules/.installed
	npm run --silent build
	PYTHON="$(CURDIR)/$(BIN)/python" bash extension/scripts/package.sh

e2e: $(VENV)/.installed-dev vsix
	npm run --silent check
	npm run --silent test
	bash tests/e2e/setup.sh
	bash tests/e2e/run.sh

# The pictures of the documentation, as the tests in the workbench take them.
screenshots: $(VENV)/.installed-dev vsix
	bash tests/e2e/setup.sh
	bash tests/e2e/run.sh diagnostics.test.ts testing.test.ts synthesize.test.ts trajectories.test.ts
	$(BIN)/python scripts/screenshots.py
