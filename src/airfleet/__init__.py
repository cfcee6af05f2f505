"""airfleet: Apache Airflow for teams without Kubernetes."""

__version__ = "0.1.0"
