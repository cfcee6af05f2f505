"""Whether a pipeline makes sense: the rules of ``airfleet check`` and of the importer."""
