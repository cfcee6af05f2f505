"""``airfleet convert``: files of other formats as pipeline files of ours, and what could not be carried over."""
