"""``airfleet run``: a pipeline to its end on this machine, and its guard."""
