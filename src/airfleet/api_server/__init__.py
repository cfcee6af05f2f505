"""The api-server of a fleet: Airflow's, with a fast path for what attempts ask most. [A]"""
