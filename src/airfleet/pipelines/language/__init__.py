"""The pipeline language: its values, its grammar, and problems with their places."""
