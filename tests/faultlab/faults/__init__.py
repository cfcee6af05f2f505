"""Faults as values: component, server and host faults, and the schedule of the random nemesis."""
