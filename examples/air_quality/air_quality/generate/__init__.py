"""Made-up measurements at real places, in the published formats."""
