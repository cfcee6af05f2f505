"""Faults of a running fleet on purpose, and the proof that nothing was lost."""
