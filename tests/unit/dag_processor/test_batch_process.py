"""The process of several files: results come apart again, and a file that could hurt others is the last one."""

from __future__ import annotations

import mmap
import socket
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.manager import DagFileInfo
from airflow.dag_processing.processor import DagFileParseRequest, DagFileParsingResult
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization, LazyDeserializedDAG

from airfleet.dag_processor import batch_process
from airfleet.dag_processor.batch_process import BatchProcess, joined, part
from airfleet.dag_processor.taken_in import TakenIn
from airfleet.pipelines.airflow import import_common
from support.toy_pool import in_child

STAMP = (1, 2, 3)


def stored(dag_id: str, path: str) -> LazyDeserializedDAG:
    dag = DAG(dag_id, schedule=None)
    dag.relative_fileloc = path
    return LazyDeserializedDAG(data=DagSerialization.to_dict(dag))


def result(*dags: LazyDeserializedDAG, **options: Any) -> DagFileParsingResult:
    return DagFileParsingResult(fileloc="x", serialized_dags=list(dags), import_errors={}, **options)


def ids(of: DagFileParsingResult) -> list[str]:
    return [dag.dag_id for dag in of.serialized_dags]


def test_joined_results_come_apart_by_file() -> None:
    warning = {"dag_id": "b", "warning_type": "x", "message": "y"}
    whole = joined([result(stored("a", "1.yaml")), result(stored("b", "2.yaml"), warnings=[warning])], "/p/1.yaml")
    first, second, third = (part(whole, f"{n}.yaml", f"/p/{n}.yaml") for n in (1, 2, 3))
    assert (ids(first), first.warnings, first.fileloc) == (["a"], [], "/p/1.yaml")
    assert (ids(second), second.warnings) == (["b"], [warning])
    assert ids(third) == []


class Parses:
    """Parses files of these names in a child: each does what its name says."""

    def __init__(self, *names: str) -> None:
        self.files = [DagFileInfo(Path(name), "b", Path("/p")) for name in names]
        self.at, self.told = mmap.mmap(-1, 1), [TakenIn() for _ in names]

    def run(self) -> tuple[list[str], int, list[str]]:
        """Give the Dags that were sent, the place at the end, and the files that count."""
        sent: list[str] = in_child(self._sent)
        counting = [str(f.rel_path) for f, told in zip(self.files, self.told, strict=True) if told.told() is not None]
        return sent, self.at[0], counting

    def _sent(self) -> list[str]:
        near, far = socket.socketpair()
        found: list[str] = []
        request = DagFileParseRequest(file="/p/first", bundle_path=Path("/p"), bundle_name="b")

        class Comms:
            def __class_getitem__(cls, _: object) -> type[Comms]:
                return cls

            def __init__(self, **_: Any) -> None:
                self.sent = found

            def _get_response(self) -> DagFileParseRequest:
                return request

            def send(self, message: DagFileParsingResult) -> None:
                self.sent += ids(message)

        batch_process.CommsDecoder = Comms  # type: ignore[misc,assignment]  # in a child alone
        batch_process._parse_file = parse  # type: ignore[assignment]
        with near, far:
            batch_process.parse_files(self.files, self.at, self.told)
        return found


KEPT: list[Any] = []


def parse(request: DagFileParseRequest, _: Any) -> DagFileParsingResult:
    name = Path(request.file).name
    import_common.TAKEN_IN[f"/p/of-{name}"] = STAMP
    if name.startswith("opens"):
        KEPT.append(socket.socket())
    if name.startswith("wrong"):
        return DagFileParsingResult(fileloc=name, serialized_dags=[], import_errors={name: "wrong"})
    return result(stored(name, name))


@pytest.mark.parametrize(
    ("names", "sent", "place", "counting"),
    [
        (["a", "b"], ["a", "b"], 2, ["a", "b"]),
        (["a", "wrong", "b"], ["a", "b"], 3, ["a", "b"]),
        (["wrong"], [], 1, []),
        (["a", "opens", "b"], ["a"], 1, ["a"]),
        (["opens", "b"], ["opens"], 1, ["opens"]),
    ],
)
def test_a_result_counts_when_nothing_could_have_hurt_it(
    names: list[str], sent: list[str], place: int, counting: list[str]
) -> None:
    assert Parses(*names).run() == (sent, place, counting)


def test_each_file_tells_what_it_took_in_itself() -> None:
    parses = Parses("a", "b")
    parses.run()
    assert [told.told() for told in parses.told] == [{"/p/of-a": STAMP}, {"/p/of-b": STAMP}]


def test_a_process_stands_still_when_one_file_takes_long() -> None:
    process = BatchProcess.__new__(BatchProcess)
    process._at, process._seen, process.start_time = mmap.mmap(-1, 1), (0, 100.0), 100.0
    assert not process.stands_still(10, 109.0)
    process._at[0] = 1
    assert not process.stands_still(10, 111.0)
    assert process.start_time == 111.0
    assert not process.stands_still(10, 121.0)
    assert process.stands_still(10, 121.5)
