"""Policies of releases: who signs one, who approves it, and what a host makes of that."""
