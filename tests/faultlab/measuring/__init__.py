"""Measurements: the audit of the database, the probe of the API, the scan for secrets, the ledger."""
