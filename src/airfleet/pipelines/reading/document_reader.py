"""One document, after ``${{ }}`` is resolved, becomes a Pipeline: its keys, defaults, templates and tasks."""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping

from airfleet.errors import Suggestion
from airfleet.pipelines.dialects.airflow_yaml import has_no_tasks, is_airflow_yaml
from airfleet.pipelines.language import wrong_key_hints
from airfleet.pipelines.language.arguments import (
    DAG_ARGUMENTS,
    DAG_OWN_KEYS,
    DAG_PYTHON_ONLY,
    DOCUMENT_KEYS,
    TASK_ARGUMENTS,
)
from airfleet.pipelines.language.spec import FileText, Pipeline, Schedule, Value
from airfleet.pipelines.language.values import required_text
from airfleet.pipelines.language.wrong_key_hints import Instead
from airfleet.pipelines.reading.defaults_reader import read_defaults
from airfleet.pipelines.reading.entries_reader import EntriesReader
from airfleet.pipelines.reading.names import Names
from airfleet.pipelines.reading.schedules.arguments import argument
from airfleet.pipelines.reading.schedules.known_assets import with_known_assets
from airfleet.pipelines.reading.schedules.reader import schedule
from airfleet.pipelines.reading.templates import Templates
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import Mapping, Scalar, is_null
from airfleet.yaml.problems import Report


class DocumentReader:
    """One document after ``${{ }}`` is resolved: its keys, defaults, templates and tasks."""

    def __init__(self, body: Mapping, file: str, job: str | None, report: Report) -> None:
        self.body = body
        self.file = file
        self.job = job
        self.report = report
        report.places[""] = body.place
        self.keys = {key.text: (key, value) for key, value in body.entries}

    def read(self) -> Pipeline:
        options = self.options()
        defaults = self.defaults()
        entries = self.entries(defaults, self.templates())
        pipeline = Pipeline(
            dag_id=self.dag_id(),
            tasks=tuple(entries.tasks),
            groups=tuple(entries.groups),
            schedule=self.schedule(),
            timezone=self.timezone(),
            python=self.python(),
            options=options,
            defaults=defaults,
            job=self.job,
            file=self.file,
            places=self.report.places,
        )
        return with_known_assets(pipeline)

    def dag_id(self) -> str:
        if "dag_id" not in self.keys:
            self.missing("dag_id")
            return ""
        return required_text(self.keys["dag_id"][1], "dag_id", self.report)

    def slip(self, meant: str) -> None:
        """Note that a key stands for another one, which is not missing then."""
        if meant not in self.keys:
            self.report.note_slip(meant)

    def missing(self, name: str) -> None:
        """Note a missing key; one with a slip in its name has its problem already."""
        if not self.report.is_wrong(name):
            self.report.problem(self.body, "", f"'{name}' is missing", code=Code.MISSING_KEY)

    def schedule(self) -> Schedule:
        return schedule(self.keys["schedule"][1], "schedule", self.report) if "schedule" in self.keys else None

    def timezone(self) -> str | None:
        node = self.keys["timezone"][1] if "timezone" in self.keys else None
        if node is None or is_null(node):
            return None
        return required_text(node, "timezone", self.report) or None

    def python(self) -> FileText | None:
        """Read the file of requirements of a pipeline."""
        node = self.keys["python"][1] if "python" in self.keys else None
        written = "" if node is None or is_null(node) else required_text(node, "python", self.report)
        return FileText(written, node.place.file) if node is not None and written else None

    def options(self) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for name, (key, node) in self.keys.items():
            if name in DAG_ARGUMENTS:
                read = argument(node, name, DAG_ARGUMENTS[name], self.report)
                if read is not None:
                    found[name] = read
            elif name not in DOCUMENT_KEYS:
                self.unknown_key(key)
        return found

    def unknown_key(self, key: Scalar) -> None:
        name = key.text
        if name in DAG_OWN_KEYS:
            self.report.problem(key, name, f"is written '{DAG_OWN_KEYS[name]}' in a pipeline", code=Code.UNKNOWN_KEY)
        elif name in DAG_PYTHON_ONLY:
            hint = wrong_key_hints.BY_PYTHON.get(name)
            self.report.problem(key, name, DAG_PYTHON_ONLY[name], hint, Code.PYTHON_ONLY)
        elif name in TASK_ARGUMENTS:
            hint = "write it under 'defaults' to give it to every task"
            self.report.problem(key, name, "is an argument of tasks, not of a pipeline", hint, Code.MISPLACED_KEY)
        elif glued := wrong_key_hints.glued(name, (*DOCUMENT_KEYS, *DAG_ARGUMENTS)):
            self.say_instead(key, glued)
        elif instead := wrong_key_hints.OF_A_PIPELINE.get(name):
            self.say_instead(key, instead)
        else:
            near = self.report.hints.nearest(name, [*DOCUMENT_KEYS, *DAG_ARGUMENTS])
            self.slip(near or name)
            meant = Suggestion(name, near) if near else None
            self.report.problem(key, name, f"a pipeline has no key '{name}'", meant, Code.UNKNOWN_KEY)

    def say_instead(self, key: Scalar, instead: Instead) -> None:
        """Note a wrong key, and what to write instead of it."""
        self.slip(instead.meant or key.text)
        self.report.problem(key, key.text, instead.sentence, instead.hint, Code.KEY_OF_ANOTHER_FORMAT)

    def defaults(self) -> dict[str, Value]:
        return read_defaults(self.mapping_at("defaults"), "defaults", self.report)

    def templates(self) -> Templates:
        found: dict[str, Mapping] = {}
        for key, node in self.mapping_at("templates").entries:
            if isinstance(node, Mapping):
                found[key.text] = node
            else:
                sentence = "a template must be a mapping, as a task is"
                self.report.problem(node, f"templates.{key.text}", sentence, code=Code.WRONG_SHAPE)
        return Templates(found, self.report)

    def mapping_at(self, name: str) -> Mapping:
        """Read the mapping at a top-level key; an empty one when it is left out or wrong."""
        if name not in self.keys:
            return Mapping((), self.body.place)
        node = self.keys[name][1]
        self.report.places[name] = node.place
        if isinstance(node, Mapping):
            return node
        if not is_null(node):
            self.report.problem(node, name, "must be a mapping", code=Code.WRONG_SHAPE)
        return Mapping((), node.place)

    def entries(self, defaults: AbstractMapping[str, Value], templates: Templates) -> EntriesReader:
        """Read all tasks and groups."""
        node = self.keys["tasks"][1] if "tasks" in self.keys else None
        entries = EntriesReader(templates, Names.of(node), self.report)
        if is_airflow_yaml(self.body) and has_no_tasks(self.body):
            return entries
        if node is None:
            self.missing("tasks")
        else:
            entries.read(node, "tasks", defaults)
        return entries
