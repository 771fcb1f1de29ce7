"""Repair: programs that predict more than the one at hand, found without asking anybody."""
