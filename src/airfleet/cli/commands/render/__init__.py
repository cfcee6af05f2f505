"""``airfleet render``: what fleet.yaml means in the files of other programs, one module each."""
