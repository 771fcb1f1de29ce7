#!/usr/bin/env bash
# Makes the virtual environment of this checkout, once. Called by the Makefile:
#   scripts/setup.sh VENV STAMP    STAMP ending in -dev installs the tools of the dev group too
set -euo pipefail

venv=$1
stamp=$2
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore

fail() {
    printf 'set-up: %s\n' "$@" >&2
    exit 1
}

is_new_enough() {
    "$1" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

version_of() {
    command -v "$1" >/dev/null && "$1" --version 2>&1 || echo "missing"
}

find_python() {
    local candidate
    for candidate in "${PYTHON:-python3}" python3 python3.14 python3.13 python3.12 python3.11; do
        if is_new_enough "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

if ! { is_new_enough "$venv/bin/python" && "$venv/bin/python" -m pip --version >/dev/null 2>&1; }; then
    python=$(find_python) || fail \
        "Python 3.11 or newer is needed; ${PYTHON:-python3} is $(version_of "${PYTHON:-python3}")." \
        "Install one (Debian and Ubuntu: sudo apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python3.12 ..."
    "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 || fail \
        "$python cannot make virtual environments: its modules venv and ensurepip are missing." \
        "Install them (Debian and Ubuntu: sudo apt-get install python3-venv; Fedora has them in python3-pip)."
    echo "Setting up $venv with $("$python" --version), once; this downloads packages and takes about a minute."
    rm -rf "$venv"
    "$python" -m venv "$venv"
fi

install() {
    "$venv/bin/python" -m pip install -qq --retries 5 "$@" || fail \
        "pip could not install: $*" "Is the network there? Run the same make command again to continue."
}

install --upgrade 'pip>=25.1' # the first that knows --group
if [[ $stamp == *-dev ]]; then
    install --editable '.[ab-mcts,minari,minigrid,mujoco,parquet,ray]' --group dev
    touch "$venv/.installed"
else
    install --editable .
fi
touch "$stamp"
