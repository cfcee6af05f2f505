"""Pipelines as Airflow's Dags: importers, operators, values. [A]"""
