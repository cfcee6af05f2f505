"""Commands for shells and editors; each module has the ``command`` of its name."""
