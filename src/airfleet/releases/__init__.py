"""Releases: immutable states of a project folder, which the hosts of a fleet fetch and a run keeps to its end."""
