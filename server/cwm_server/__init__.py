"""The language server: one file per feature over the engine that the command line uses."""
