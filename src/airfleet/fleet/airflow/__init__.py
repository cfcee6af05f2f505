"""Settings of Airflow: which there are, which airfleet decides, which libraries they need."""
