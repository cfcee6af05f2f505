"""Helpers for tests that need a real fleet: of airfleet itself, or of your pipelines.

:mod:`~airfleet.testing.fleet` starts a fleet in a folder of its own, :mod:`~airfleet.testing.servers` PostgreSQL and
Valkey alone.
"""
