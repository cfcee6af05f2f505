"""Whether a pipeline is meant as it is written: secrets in plain text, rules that never hold, silenced lines."""
