"""The `cwm` command: thin."""
