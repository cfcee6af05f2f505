"""Python environments of releases: locked at push, built once on each host, named by the digest of their lock."""
