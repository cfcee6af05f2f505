"""YAML text as nodes that know their places, and its syntax errors in words."""
