"""Other ways to write a pipeline, translated to ours: nodes to nodes, each at the place of what it stands for."""
