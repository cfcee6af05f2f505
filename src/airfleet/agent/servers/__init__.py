"""The servers that a fleet may bring itself: PostgreSQL, Valkey, nginx."""
