"""Commands that bring a fleet to its machines."""
