"""Attempts and jobs that died: found, reported, and their results carried."""
