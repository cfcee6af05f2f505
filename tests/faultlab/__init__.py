"""The laboratory of the fault matrix: systems under test, faults, and what measures them."""
