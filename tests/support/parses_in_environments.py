"""Parses files of releases as a dag-processor does, each in the environment of its release. [A]

A process of its own, with Airflow configured for a bundle of releases; prints what came of each file as JSON.
"""

from __future__ import annotations

import json
import selectors
import signal
import sys
import uuid
from pathlib import Path
from typing import Any

from airfleet.drill.waiting import wait_until


def main() -> None:
    """Parse each file that is named, one after the other; a first word ``kill`` kills each process instead."""
    files, kills = [one for one in sys.argv[1:] if one != "kill"], "kill" in sys.argv
    print(json.dumps([_parse(Path(file), kills) for file in files]))


def _parse(file: Path, kills: bool) -> dict[str, Any]:
    import structlog
    from airflow.sdk.api.client import Client

    from airfleet.dag_processor.parsing_process import ParsingProcess
    from airfleet.monitor import process_exit

    selector = selectors.DefaultSelector()
    logger = structlog.wrap_logger(structlog.PrintLogger(sys.stderr), processors=[structlog.processors.JSONRenderer()])
    process = ParsingProcess.start(
        id=uuid.uuid4(), path=file, bundle_path=file.parent, bundle_name="releases", dag_file_rel_path=file.name,
        callbacks=[], selector=selector, logger=logger, logger_filehandle=sys.stderr.buffer,
        client=Client(base_url=None, dry_run=True, token=""),
    )  # fmt: skip
    process_exit.notice(process)
    if kills:
        begun = file.with_suffix(".pid")
        wait_until(lambda: begun.exists() and begun.read_text(), 30, "the file is being parsed")
        process.kill(signal.SIGKILL)
    while not process.is_ready:
        for key, _ in selector.select(0.2):
            _serve(key)
    result = process.parsing_result
    return {
        "dags": [] if result is None else [_shown(dag) for dag in result.serialized_dags],
        "errors": {} if result is None else result.import_errors,
        "misfortune": process.misfortune(),
        "through": process.was_through,
        "taken in": process.taken_in.told(),
    }


def _serve(key: selectors.SelectorKey) -> None:
    """Read as the manager of these processes does."""
    source: Any = key.fileobj
    handle, on_close = key.data
    try:
        goes_on = handle(source)
    except OSError:
        goes_on = False
    if not goes_on:
        on_close(source)
        source.close()


def _shown(dag: Any) -> list[Any]:
    return [dag.dag_id, sorted(dag.data["dag"].get("tags", []))]


if __name__ == "__main__":
    main()
