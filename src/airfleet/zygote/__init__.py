"""The process that imports Airflow once and forks every component. [A]"""
