"""Commands about pipelines and their runs; each module has the ``command`` of its name."""
