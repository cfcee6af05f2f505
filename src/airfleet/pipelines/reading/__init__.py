"""Text of a pipeline file to pipelines, with the JSON Schema and reference page of the same tables."""
