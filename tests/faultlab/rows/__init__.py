"""Rows of the fault matrix: the fault, its stopwatches and promises."""
