"""The work of the pipelines of examples/teams."""
