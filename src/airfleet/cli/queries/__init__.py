"""Questions of commands to Airflow's REST API, to log servers and to pipeline files."""
