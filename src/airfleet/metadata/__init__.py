"""Tables, triggers and locks of airfleet in Airflow's database, and what its columns take."""
