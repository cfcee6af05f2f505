"""Servers around Airflow as values: database, broker, proxy, secrets."""
