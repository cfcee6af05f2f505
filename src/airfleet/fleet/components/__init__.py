"""The kinds of component, one module each; each makes plan entries from a fleet.

``needs`` between them::

    postgres ─┐
              ├─> migrate ─> scheduler, dag-processor, triggerer, api-server
    template ─┘
    valkey, template ─> workers
"""
