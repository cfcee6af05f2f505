"""Servers of experiments: brokers, a replicated PostgreSQL, and an address beside the hosts for them."""
