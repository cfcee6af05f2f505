"""Helpers for tests that need a real fleet: of airfleet itself, or of your pipelines."""
