"""A package beside the Dags."""
