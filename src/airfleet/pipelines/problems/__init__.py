"""A page for each code of a problem: its meaning, why it matters, and a wrong and a right example."""
