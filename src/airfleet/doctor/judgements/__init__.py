"""Judgements: pure functions from a fact to what was seen, as sentences."""
