"""The kinds of component, one module each; each makes plan entries from a fleet.

``needs`` between them::

    postgres ─> migrate ─┐
                         ├─> scheduler, dag-processor, triggerer, api-server
    template ────────────┤
    valkey ──────────────┴─> workers

The migration, too, is forked by the template, but does not wait until that is ready.
"""
