"""Arguments outside ``with`` that are more than a literal: callbacks, deadlines, retry policies, params, functions."""
