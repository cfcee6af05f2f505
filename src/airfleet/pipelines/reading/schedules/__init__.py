"""Schedules and assets: their nodes become values, and their forms stand in JSON Schema and reference."""
