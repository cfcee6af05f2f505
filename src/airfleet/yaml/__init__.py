"""YAML text as nodes with places; problems in words; field tables that make readers, JSON Schemas and pages."""
