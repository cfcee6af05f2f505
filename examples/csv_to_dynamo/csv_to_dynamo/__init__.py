"""People from a CSV file in one AWS account into a DynamoDB table of another.

The story is in :mod:`csv_to_dynamo.steps`; one function there is one task of the pipeline.
"""
