"""Asking for data: short sequences of actions that would show what the recording leaves open."""
