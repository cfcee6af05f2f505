"""The kinds of component, one module each; each makes plan entries from a fleet.

``needs`` between them::

    postgres ─> migrate ─┐
                         ├─> scheduler, dag-processor, triggerer, api-server
    zygote ──────────────┤
    valkey ──────────────┴─> workers

The zygote forks the migration, too, which does not wait until the zygote is ready.
"""
