"""YAML text as nodes that know their places; tables of fields as reader, JSON Schema and reference page."""
