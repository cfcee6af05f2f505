"""``fleet.yaml``: its keys, readers, checks, JSON Schema and reference page."""
