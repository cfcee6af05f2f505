"""Air-quality and weather archives, fetched, cleaned, sorted, chunked and stored.

The story is in :mod:`air_quality.steps`; one function there is one task of the pipeline.
"""
