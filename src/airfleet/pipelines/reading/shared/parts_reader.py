"""A document of shared parts is read on its own: what is wrong with it, whoever takes it in."""

from __future__ import annotations

from airfleet.pipelines.language.spec import Pipeline, Task
from airfleet.pipelines.reading.document_reader import DocumentReader
from airfleet.pipelines.reading.entries_reader import EntriesReader
from airfleet.pipelines.reading.names import Names
from airfleet.pipelines.reading.shared.group_templates import named_groups
from airfleet.pipelines.reading.task_reader import TaskReader
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence
from airfleet.yaml.problems import joined


class PartsReader(DocumentReader):
    """Reads everything of a document but a Dag's own keys. The pipeline that comes of it has no id and no tasks."""

    #: the templates that were read
    parts: tuple[Task, ...] = ()

    def read(self) -> Pipeline:
        """Read the options, the defaults, and each template as far as a part of a task can be judged."""
        options = self.options()
        defaults = self.defaults()
        schedule = self.schedule()
        templates = self.templates().by_name.items()
        self.parts = tuple(self.template(template, joined("templates", name)) for name, template in templates)
        for name, group in named_groups(self.body, self.report).items():
            self.group(name, group)
        python = self.python()
        return Pipeline(
            "",
            (),
            schedule=schedule,
            python=python,
            options=options,
            defaults=defaults,
            file=self.file,
            places=self.report.places,
        )

    def template(self, template: Mapping, path: str) -> Task:
        """Read a template as a task: without 'needs', which name tasks, and arguments of what is not known here."""
        self.report.places[path] = template.place
        for key in ("id", "arguments"):  # the task says its id, and more arguments
            self.report.note_slip(joined(path, key))
        body = template.without("needs") if template.get("uses") else template.without("needs", "with")
        return TaskReader(template, body, path, self.report, None, Names()).read({})

    def group(self, name: str, group: Mapping) -> None:
        """Read a named group as one of a pipeline, whose templates and other groups are not known here."""
        self.report.note_slip("include")
        key = Scalar("group", "group", group.place)
        written = (key, Scalar(name, name, group.place, quoted=True))
        entry = Mapping((written, *group.without("extends", "needs").entries), group.place)
        self.report.note_slip(f"groups.{name}.tasks")  # another group may have them
        entries = Sequence((entry,), group.place)
        EntriesReader(self.templates(), Names.of(entries), self.report).read(entries, "groups", {})


def without_expressions(node: Mapping) -> Mapping:
    """Leave out the values of a mapping, at any depth of mappings, that are known only with a job or an environment."""
    kept: list[tuple[Scalar, Node]] = []
    for key, value in node.entries:
        if isinstance(value, Mapping):
            kept.append((key, without_expressions(value)))
        elif not _has_expression(value):
            kept.append((key, value))
    return Mapping(tuple(kept), node.place)


def _has_expression(node: Node) -> bool:
    if isinstance(node, Scalar):
        return "${{" in node.text
    inner = node.items if isinstance(node, Sequence) else [value for _, value in node.entries]
    return any(map(_has_expression, inner))
