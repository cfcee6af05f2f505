"""The store of releases: contents under their digests, in the database, a folder or a bucket."""
