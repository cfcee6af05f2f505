"""Questions to components, and what their answers mean: ready, not ready, stalled, of no use."""
