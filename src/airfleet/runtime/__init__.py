"""The path of a task: from the moment it may run to the end of its attempt."""
