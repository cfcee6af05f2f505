"""Wheels that travel along to hosts without a registry: downloaded here, or out of a bundle."""
