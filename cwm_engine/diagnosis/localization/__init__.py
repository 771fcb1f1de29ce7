"""Which lines are wrong: slices, value replacement, spectra, ranking."""
