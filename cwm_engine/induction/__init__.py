"""Induction: what data alone says about a model, starting with the numbers in it."""
