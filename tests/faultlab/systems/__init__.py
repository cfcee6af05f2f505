"""Systems under test: a fleet or stock Airflow, on one host or on several that this machine plays."""
