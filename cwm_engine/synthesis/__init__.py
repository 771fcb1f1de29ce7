"""The search: programs in a tree, proposers that write new ones, strategies that choose where, budget and journal."""
