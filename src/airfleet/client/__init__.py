"""How a program talks to a running fleet: its project, its agent, its REST API."""
