"""Components that sleep: they end while they have nothing to do, and the agent starts them when there is something."""
