"""The kinds of component, one module each; each makes plan entries from a fleet.

``needs`` between them::

    postgres ─> migrate ─┐
                         ├─> scheduler, dag-processor, triggerer, api-server
    template ────────────┤
    valkey ──────────────┴─> workers

The template forks the migration, too, which does not wait until the template is ready.
"""
