"""A folder of gusty as a Dag of dag-factory: a task for each file, and a group for each folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from airfleet.errors import Place
from airfleet.pipelines.dialects.node_building import entries, items, literal, mapping, sequence, text, written_text
from airfleet.pipelines.dialects.translation import Translation
from airfleet.pipelines.files.project_files import read_text
from airfleet.yaml import nodes
from airfleet.yaml.nodes import Mapping, Node, Scalar

METADATA: Final = ("METADATA.yml", "METADATA.yaml")
_TASKS: Final = (".yml", ".yaml", ".sql")
#: files of tasks that are programs in another form
_PROGRAMS: Final = (".py", ".ipynb", ".rmd")
_TIMEDELTA: Final = re.compile(r"""!timedelta\s+(["'])(\w+)\s*:\s*([\d.]+)\1""")
_DAYS_AGO: Final = re.compile(r"!days_ago\s+(\d+)")
_FRONT: Final = re.compile(r"\A---\n(.*?)\n---\n?(.*)\Z", re.DOTALL)
#: keys of a folder that its tasks and groups do not have
_OF_THE_FOLDER: Final = frozenset(
    ("external_dependencies", "latest_only", "root_tasks", "leaf_tasks", "task_group_defaults", "wait_for_defaults")
)
_SENSOR: Final = "airflow.providers.standard.sensors.external_task.ExternalTaskSensor"
_LATEST_ONLY: Final = "airflow.providers.standard.operators.latest_only.LatestOnlyOperator"


def metadata_of(folder: Path) -> Path | None:
    """Find the file that makes a folder one of gusty's."""
    return next((folder / name for name in METADATA if (folder / name).is_file()), None)


def document(folder: Path, translation: Translation) -> Mapping:
    """Give the Dag of a folder, in the format of dag-factory."""
    reading = _Folder(translation)
    reading.read(folder, None)
    place = Place(str(metadata_of(folder) or folder))
    own = reading.settings(folder)
    tasks = _behind(list(reading.sensors(own, place)), reading.tasks, place)
    if reading.is_latest_only(own):
        tasks = _behind([_latest_only(place)], tasks, place)
    dag = [(key, value) for name, (key, value) in own.items() if name not in _OF_THE_FOLDER]
    groups = sequence(reading.groups, place) if reading.groups else None
    whole = mapping([*dag, ("task_groups", groups), ("tasks", sequence(tasks, place))], place)
    return mapping([(folder.name, whole)], place)


class _Folder:
    """The tasks and groups of a folder and those in it."""

    def __init__(self, translation: Translation) -> None:
        self.translation = translation
        self.tasks: list[Mapping] = []
        self.groups: list[Mapping] = []

    def read(self, folder: Path, group: str | None) -> None:
        for path in sorted(folder.iterdir()):
            if path.name.startswith((".", "_")) or path.name in METADATA:
                continue
            if path.is_dir():
                self.group(path, group)
            elif path.suffix.lower() in _TASKS:
                self.task(path, group)
            elif path.suffix.lower() in _PROGRAMS:
                at = Scalar("", "", Place(str(path)))
                sentence = "this task is not carried over: gusty makes its operator from the program in the file"
                self.translation.problem(at, "", sentence, "write uses: module:function for a function in Python")

    def settings(self, folder: Path) -> dict[str, tuple[Scalar, Node]]:
        file = metadata_of(folder)
        found = self.yaml(file, read_text(file)) if file is not None else None
        return entries(found)

    def group(self, folder: Path, parent: str | None) -> None:
        own = [(key, value) for name, (key, value) in self.settings(folder).items() if name not in _OF_THE_FOLDER]
        place = Place(str(metadata_of(folder) or folder))
        has_prefix = any(key.text == "prefix_group_id" for key, _ in own)
        self.groups.append(
            mapping(
                [
                    ("group_name", text(folder.name, place)),
                    ("parent_group_name", text(parent, place) if parent else None),
                    ("prefix_group_id", None if has_prefix else literal(False, place)),
                    *own,
                ],
                place,
            )
        )
        self.read(folder, folder.name)

    def task(self, path: Path, group: str | None) -> None:
        written = read_text(path)
        front = _FRONT.match(written) if isinstance(written, str) else None
        found = self.yaml(path, front[1] if front and path.suffix == ".sql" else written)
        if not isinstance(found, Mapping):
            return
        place = Place(str(path))
        keys = entries(found)
        needs = items(keys.pop("dependencies")[1]) if "dependencies" in keys else ()
        waits = list(self.sensors(keys, place))
        keys.pop("external_dependencies", None)
        self.tasks += waits
        needed = [*needs, *(one for wait in waits if (one := wait.get("task_id")) is not None)]
        body = front[2].strip() if front and path.suffix == ".sql" else ""
        self.tasks.append(
            mapping(
                [
                    ("task_id", text(path.stem, place)),
                    ("task_group_name", text(group, place) if group else None),
                    *keys.values(),
                    ("sql", text(body, place) if body else None),
                    ("dependencies", sequence(needed, place) if needed else None),
                ],
                place,
            )
        )

    def sensors(self, keys: dict[str, tuple[Scalar, Node]], place: Place) -> Iterator[Mapping]:
        """Yield a task that waits for each task of another Dag."""
        for one in items(keys["external_dependencies"][1]) if "external_dependencies" in keys else ():
            for key, value in one.entries if isinstance(one, Mapping) else ():
                task = written_text(value) or "all"
                yield mapping(
                    [
                        ("task_id", text(f"wait_for_{key.text}" + ("" if task == "all" else f"_{task}"), key.place)),
                        ("operator", text(_SENSOR, key.place)),
                        ("external_dag_id", text(key.text, key.place)),
                        ("external_task_id", None if task == "all" else text(task, key.place)),
                    ],
                    place,
                )

    def is_latest_only(self, keys: dict[str, tuple[Scalar, Node]]) -> bool:
        """Tell whether only the latest run does anything, which gusty takes for granted."""
        value = keys["latest_only"][1] if "latest_only" in keys else None
        return not (isinstance(value, Scalar) and value.value is False)

    def yaml(self, path: Path | None, written: object) -> Node | None:
        if not isinstance(written, str) or path is None:
            return None
        written = _TIMEDELTA.sub(r"{__type__: datetime.timedelta, \2: \3}", written)
        documents, problems = nodes.load(_DAYS_AGO.sub(r"'\1 days'", written), str(path))
        self.translation.report.problems.extend(problems)
        return documents[0] if documents else None


def _latest_only(place: Place) -> Mapping:
    """Make the task that skips all runs but the latest."""
    return mapping([("task_id", text("latest_only", place)), ("operator", text(_LATEST_ONLY, place))], place)


def _behind(first: list[Mapping], tasks: list[Mapping], place: Place) -> list[Mapping]:
    """Put tasks before those that wait for none."""
    if not first:
        return tasks
    needs = sequence((one for task in first if (one := task.get("task_id")) is not None), place)
    behind = (
        task if task.get("dependencies") is not None else mapping([*task.entries, ("dependencies", needs)], task.place)
        for task in tasks
    )
    return [*first, *behind]
