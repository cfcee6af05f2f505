"""Files by which processes of one host tell one another: marks, outboxes, endpoints."""
