"""Five small pipelines that everybody has: an API, SQL models, files that arrive, a backup, a gate for bad data."""
