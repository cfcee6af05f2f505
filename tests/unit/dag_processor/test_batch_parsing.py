"""Which files share a process, and what becomes of those that have no result."""

from __future__ import annotations

import mmap
import selectors
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.manager import DagFileInfo, DagFileProcessorManager
from airflow.dag_processing.processor import DagFileParsingResult

from airfleet.dag_processor.batch_parsing import MANY_FILES, SMALL_BYTES
from airfleet.dag_processor.batch_process import MOST_FILES, BatchProcess
from airfleet.dag_processor.job_runner import PipelineFileProcessorManager
from airfleet.dag_processor.taken_in import TakenIn

PARALLEL = 2


def file(path: str, **options: Any) -> DagFileInfo:
    return DagFileInfo(rel_path=Path(path), bundle_name="b", bundle_path=Path("/p"), **options)


def files(count: int, suffix: str = "yaml") -> list[DagFileInfo]:
    return [file(f"{number}.{suffix}") for number in range(count)]


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> PipelineFileProcessorManager:
    monkeypatch.setattr(DagFileProcessorManager, "_get_team_names", lambda *_, **__: {})
    made = PipelineFileProcessorManager(max_runs=-1)
    made.selector, made._parallelism = selectors.DefaultSelector(), PARALLEL
    return made


def wait(manager: PipelineFileProcessorManager, waiting: list[DagFileInfo], size: int = 100) -> None:
    manager._file_queue = OrderedDict((one, None) for one in waiting)
    manager._stamps = dict.fromkeys([*waiting, file("first.yaml"), file("first.py")], (1, size, 1))
    manager._known = {"b": {one: one for one in waiting}}


def companions(manager: PipelineFileProcessorManager, first: str = "first.yaml") -> int:
    return len(manager._companions(file(first)))


def batch(of: list[DagFileInfo], place: int, counting: int, result: DagFileParsingResult | None) -> BatchProcess:
    """Make a process that has ended at a place; the first files of it count."""
    process = BatchProcess.__new__(BatchProcess)
    process.files, process._at, process._began = tuple(of), mmap.mmap(-1, 1), 0.0
    process._told = tuple(TakenIn() for _ in of)
    for told in process._told[:counting]:
        told.tell({})
    process._at[0], process.parsing_result, process.too_long = place, result, 0
    return process


EMPTY = DagFileParsingResult(fileloc="", serialized_dags=[], import_errors={})


def test_few_files_have_a_process_each(manager: PipelineFileProcessorManager) -> None:
    wait(manager, files(MANY_FILES - 1))
    assert companions(manager) == 0


def test_many_files_are_parted_between_the_processes(manager: PipelineFileProcessorManager) -> None:
    wait(manager, files(20))
    assert companions(manager) == 20 // PARALLEL - 1
    wait(manager, files(1000))
    assert companions(manager) == MOST_FILES - 1


def test_files_in_python_and_large_ones_are_parsed_alone(manager: PipelineFileProcessorManager) -> None:
    wait(manager, files(100))
    assert companions(manager, "first.py") == 0
    wait(manager, files(100, "py"))
    assert companions(manager) == 0
    wait(manager, files(100), SMALL_BYTES + 1)
    assert companions(manager) == 0


def test_a_file_with_callbacks_or_being_parsed_or_of_another_folder_is_nobodys_companion(
    manager: PipelineFileProcessorManager,
) -> None:
    elsewhere = DagFileInfo(rel_path=Path("z.yaml"), bundle_name="b", bundle_path=Path("/q"))
    wait(manager, [*files(20), elsewhere])
    manager._callback_to_execute[file("0.yaml")] = []
    manager._processors[file("1.yaml")] = batch([file("1.yaml"), file("2.yaml")], 0, 0, None)
    found = {str(one.rel_path) for one in manager._companions(file("first.yaml"))}
    assert found
    assert not found & {"0.yaml", "1.yaml", "2.yaml", "z.yaml"}


def test_a_file_that_was_at_fault_is_parsed_alone_until_it_changes(manager: PipelineFileProcessorManager) -> None:
    wait(manager, files(20))
    manager._alone[file("0.yaml")] = manager._content(file("0.yaml"))
    assert file("0.yaml") not in manager._companions(file("first.yaml"))
    manager._stamps[file("0.yaml")] = (2, 100, 1)
    assert file("0.yaml") in manager._companions(file("first.yaml"))


@pytest.mark.parametrize(
    ("place", "counting", "result", "alone"),
    [
        (2, 2, EMPTY, []),  # the third could have been hurt, or hurts: it is parsed first by another process
        (4, 2, EMPTY, ["2.yaml", "3.yaml"]),  # they have import errors
        (1, 1, None, ["1.yaml"]),  # the process died at it
        (4, 4, None, []),  # it died after the last one
    ],
)
def test_files_without_a_result_wait_in_front_and_those_at_fault_alone(
    place: int, counting: int, result: DagFileParsingResult | None, alone: list[str],
    manager: PipelineFileProcessorManager,
) -> None:  # fmt: skip
    wait(manager, waiting := [*files(4), file("other.yaml")])
    manager._file_queue = OrderedDict({waiting[-1]: None})
    process = batch(waiting[:4], place, counting, result)
    parsed = process.parsed(1.0)
    manager._settle_the_others(process, parsed)
    queued = [str(one.rel_path) for one in manager._file_queue]
    assert queued == [*(f"{number}.yaml" for number in range(len(parsed), 4)), "other.yaml"]
    assert sorted(str(one.rel_path) for one in manager._alone) == alone


def test_a_new_round_leaves_files_out_that_are_being_parsed(manager: PipelineFileProcessorManager) -> None:
    wait(manager, [])
    running = files(3)
    manager._processors[running[0]] = batch(running, 0, 0, None)
    manager._add_files_to_queue([running[1], file("new.yaml")], mode="back")
    assert [str(one.rel_path) for one in manager._file_queue] == ["new.yaml"]
    manager._add_files_to_queue([running[2]], mode="frontprio")
    assert file("2.yaml") in manager._file_queue
