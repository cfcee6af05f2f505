"""Injectors: a slow link, a TCP proxy, a wrong clock, a small disk."""
