"""What commands ask of Airflow's REST API, of log servers and of pipeline files."""
