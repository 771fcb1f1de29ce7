"""`python -m cwm_engine`: the `cwm` command of this very interpreter."""

from cwm_engine.cli.main import main

if __name__ == "__main__":
    main()
