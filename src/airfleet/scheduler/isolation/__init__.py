"""Faults of single Dags, runs and rows, kept from the rest of the scheduler. [A]"""
