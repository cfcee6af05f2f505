"""What the Dags of the shop share; the YAML pipeline uses it, too."""
