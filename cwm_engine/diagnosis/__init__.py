"""Why is the model wrong? Slices, value replacement, single-edit search, findings."""
