"""One group of tasks: its own keys, without the entries in it."""

from __future__ import annotations

from airfleet.pipelines.language import wrong_key_hints
from airfleet.pipelines.language.arguments import GROUP_ARGUMENTS, GROUP_KEYS, TASK_ARGUMENTS, TASK_KEYS
from airfleet.pipelines.language.options.reader import argument
from airfleet.pipelines.language.spec import Group, Value
from airfleet.pipelines.language.values import required_text
from airfleet.pipelines.reading.defaults_reader import read_defaults
from airfleet.pipelines.reading.expansion_reader import read_expansion
from airfleet.pipelines.reading.names import Names, has_prefix, read_names
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import Mapping, Scalar, is_null
from airfleet.yaml.problems import Report, joined


class GroupReader:
    """One entry of ``tasks`` with the key ``group``."""

    def __init__(self, body: Mapping, path: str, report: Report, around: Group | None, names: Names) -> None:
        self.body = body
        self.path = path
        self.report = report
        self.around = around
        self.names = names
        self.keys = {key.text: value for key, value in body.entries}

    def read(self) -> Group:
        """Read the group; of a wrong one, as much as can be read."""
        name = required_text(self.keys["group"], joined(self.path, "group"), self.report)
        whole = self.around.id_of(name) if self.around else name
        parent = self.around.id if self.around else ""
        needs = joined(self.path, "needs")
        expand = read_expansion(self.keys, self.path, self.report)
        return Group(
            whole,
            name,
            parent,
            needs=read_names(self.keys.get("needs"), needs, whole, parent, self.names, self.report),
            prefix=has_prefix(self.body),
            options=self._options(),
            defaults=self._defaults(),
            expand=self.names.expansion(expand, parent),
            path=self.path,
        )

    def _defaults(self) -> dict[str, Value]:
        """Read the defaults of the tasks in it."""
        node, path = self.keys.get("defaults"), joined(self.path, "defaults")
        if node is None or is_null(node):
            return {}
        self.report.places[path] = node.place
        if not isinstance(node, Mapping):
            self.report.problem(node, path, "must be a mapping", code=Code.WRONG_SHAPE)
            return {}
        return read_defaults(node, path, self.report)

    def _options(self) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for key, node in self.body.entries:
            path = joined(self.path, key.text)
            if key.text in GROUP_ARGUMENTS:
                read = argument(node, path, GROUP_ARGUMENTS[key.text], self.report)
                if read is not None and key.text != "prefix":
                    found[key.text] = read
            elif key.text not in GROUP_KEYS:
                self._unknown(key, path)
        return found

    def _unknown(self, key: Scalar, path: str) -> None:
        name = key.text
        if name in TASK_ARGUMENTS:
            hint = "write it under 'defaults' of the group"
            self.report.problem(key, path, "is an argument of tasks, not of a group", hint, Code.MISPLACED_KEY)
        elif name in TASK_KEYS:
            self.report.problem(
                key, path, "belongs to a task; a group does no work of its own", code=Code.MISPLACED_KEY
            )
        elif name in wrong_key_hints.OF_A_GROUP:
            instead = wrong_key_hints.OF_A_GROUP[name]
            self.report.problem(key, path, instead.sentence, instead.hint, Code.KEY_OF_ANOTHER_FORMAT)
        else:
            near = self.report.hints.did_you_mean(name, [*GROUP_KEYS, *GROUP_ARGUMENTS])
            self.report.problem(key, path, f"a group has no key '{name}'", near, Code.UNKNOWN_KEY)
