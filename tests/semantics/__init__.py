"""Whether a Dag means the same on a fleet as on stock Airflow: runs, tasks, values and logs, fact by fact."""
