"""The operating system: processes, sockets, logs, clocks. Knows no Airflow."""
