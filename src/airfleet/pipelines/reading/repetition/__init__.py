"""Parts that are written once and made several times: documents by jobs, entries of ``tasks`` by ``for``."""
