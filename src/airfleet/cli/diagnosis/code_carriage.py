"""Whether something brings the pipelines to every host, as far as fleet.yaml says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from airfleet.errors import Place, Problem
from airfleet.problem_codes import Code

if TYPE_CHECKING:
    from airfleet.fleet.config.spec import Fleet

HINT = "'releases: {}' says that 'airfleet push' does; a comment '# airfleet: ignore AF219', that they share a folder"


def uncarried(fleet: Fleet, fleet_file: Path, environ: Mapping[str, str]) -> Iterator[Problem]:
    """Yield a remark on several hosts with code, each with a folder of its own.

    fleet.yaml says nothing of shared folders, and only a running fleet knows whether its hosts differ.
    """
    from airfleet.fleet.config import reader
    from airfleet.yaml import nodes

    top = reader.load_files(fleet_file, environ).top
    if len(readers(fleet)) < 2 or not isinstance(top, nodes.Mapping) or top.get("releases") is not None:
        return
    places = (key.place for key, _ in top.entries if key.text == "hosts")
    sentence = f"{len(readers(fleet))} hosts run pipelines, each from a folder of its own: nothing brings them the same"
    yield Problem(next(places, Place(str(fleet_file))), "hosts", sentence, HINT, Code.CODE_NOT_CARRIED)


def warnings(fleet: Fleet, fleet_file: Path, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Say the same in sentences, unless a comment in fleet.yaml silences it."""
    from airfleet.pipelines.checks.doubts import ignores
    from airfleet.pipelines.files.project_files import read_text

    text = read_text(fleet_file)
    known = tuple(ignores.ignores_in(text, str(fleet_file))) if isinstance(text, str) else ()
    found = list(uncarried(fleet, fleet_file, environ))
    return tuple(one.sentence for one in ignores.applied(found, known))


def readers(fleet: Fleet) -> tuple[str, ...]:
    """List the hosts that read pipelines: with a worker, a dag-processor or a triggerer."""
    return tuple(host.name for host in fleet.hosts if host.workers or host.dag_processor.count or host.triggerer.count)
