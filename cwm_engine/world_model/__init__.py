"""What a model file is: reading it, finding the model in it, probing it; all without running it."""
