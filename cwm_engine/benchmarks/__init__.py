"""Tables that compare: search strategies on the same tasks, with the same proposer and the same budget."""
