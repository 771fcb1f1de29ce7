"""Running programs with expressions replaced on a few transitions, thousands of times a second."""
