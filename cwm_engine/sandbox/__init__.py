"""Running code nobody has reviewed: workers, limits, deadlines."""
