"""The start of the process in which ``airfleet run`` runs a pipeline: loads Airflow for ``local_child``."""

from __future__ import annotations

import sys

from airfleet import startup


def main(pipe: int) -> None:
    """Carry out the order that comes on standard input."""
    with startup.few_collections():
        from airfleet.pipelines import local_child
    local_child.main(pipe)


if __name__ == "__main__":
    main(int(sys.argv[1]))
