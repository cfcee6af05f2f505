"""The pipeline language: its tables of keys, its values and its grammar."""
