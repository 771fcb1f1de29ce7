"""Code World Models: find where a Python world model is wrong, repair it, and say how far it can be trusted."""

__version__ = "0.1.0"
