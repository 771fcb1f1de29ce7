"""Adequacy: how much of a model the recorded transitions and its properties really test."""
