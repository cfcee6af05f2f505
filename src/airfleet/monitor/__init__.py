"""Airflow's monitors of processes, with bounds for what a process may tell them. [A]"""
