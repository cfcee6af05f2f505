"""Numbered migrations of airfleet's own tables: files of SQL, the record of which are applied, and the runner."""
