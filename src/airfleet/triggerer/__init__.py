"""The triggerer of a fleet: Airflow's, at rest while nothing is deferred. [A]"""
