"""A page for each code of a problem: what it means, why it matters, and a wrong and a right example."""
