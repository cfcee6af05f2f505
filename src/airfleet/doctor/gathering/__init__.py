"""The edge: facts are read from files, processes, the agent, the database and the broker. Nothing is changed."""
