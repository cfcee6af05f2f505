"""Parts that several documents share: taken in, checked on their own, and merged into groups."""
