"""Dags of older Airflows: what is gone, and what to write instead."""
