"""The dag-processor of a fleet: Airflow's, woken by changes, one process for each file. [A]"""
