"""The commands about releases; each module is one command, or a step of a push."""
