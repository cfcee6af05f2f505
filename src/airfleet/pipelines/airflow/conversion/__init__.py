"""The parts of ``airfleet convert`` that need Airflow: Dags in Python, and the comparison of two files. [A]"""
