"""Two versions of pipelines, and their differences in sentences."""
