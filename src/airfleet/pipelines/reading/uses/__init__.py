"""The work of a task, read and described: names of operators, and keys beside a function."""
