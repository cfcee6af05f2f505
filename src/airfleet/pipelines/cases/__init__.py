"""Tests of pipelines in YAML: cases, what they expect, and the judgement of what happened."""
