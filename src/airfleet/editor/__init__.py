"""Answers to editors about a pipeline file: problems, completions, texts to hover, definitions, quick fixes."""
