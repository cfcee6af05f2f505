"""A plan as configuration of other programs, one module each; they give texts and write nothing."""
