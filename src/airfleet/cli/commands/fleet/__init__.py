"""Commands about the fleet; each module has the ``command`` of its name."""
