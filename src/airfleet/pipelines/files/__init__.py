"""Files of a project: which count, which are of other tools, which are ignored."""
