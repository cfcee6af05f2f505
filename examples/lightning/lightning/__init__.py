"""Lightning over the United States: NOAA's tiles, from BigQuery or yearly files to a dashboard.

The story is in :mod:`lightning.steps`; one function there is one task of the pipeline.
"""
