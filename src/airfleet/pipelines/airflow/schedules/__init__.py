"""Schedules and assets of a pipeline become those of Airflow. [A]"""
