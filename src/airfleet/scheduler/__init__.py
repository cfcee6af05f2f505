"""The scheduler of a fleet: Airflow's, woken by changes, with the database as witness. [A]"""
