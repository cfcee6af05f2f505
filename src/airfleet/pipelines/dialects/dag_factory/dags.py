"""One Dag of dag-factory as a document of ours."""

from __future__ import annotations

from typing import Final

from airfleet.pipelines.dialects.dag_factory import dates, defaults, functions, objects, options, schedules
from airfleet.pipelines.dialects.dag_factory.groups import Group, Groups
from airfleet.pipelines.dialects.dag_factory.options import Keys
from airfleet.pipelines.dialects.dag_factory.tasks import Dag, TaskTranslation, named
from airfleet.pipelines.dialects.node_building import entries, items, literal, mapping, sequence, text, written_text
from airfleet.pipelines.dialects.translation import Translation
from airfleet.pipelines.language.arguments import DAG_ARGUMENTS, TASK_ARGUMENTS
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence, plain

#: keys of a Dag whose names are others now
_RENAMED: Final = {
    "concurrency": "max_active_tasks",
    "schedule_interval": "schedule",
    "timetable": "schedule",
    "dagrun_timeout_sec": "dagrun_timeout",
    "fail_stop": "fail_fast",
}
#: keys that say something and are read one by one
_OWN: Final = frozenset({"dag_id", "tasks", "task_groups", "default_args", "schedule", "timezone", "params"})
#: keys that do nothing in Airflow 3
_WITHOUT_EFFECT: Final = frozenset({"default_view", "orientation", "sla_miss_callback", "full_filepath", "dag_type"})
_OF_THE_DAG: Final = frozenset({"schedule", "catchup", "tags", "description", "max_active_runs", "dagrun_timeout"})
#: keys of a group that ours has
_OF_A_GROUP: Final = {
    "tooltip": "tooltip",
    "prefix_group_id": "prefix",
    "ui_color": "ui_color",
    "ui_fgcolor": "ui_fgcolor",
    "group_display_name": "display_name",
    "doc_md": "doc_md",
}

Entries = list[tuple[str | Scalar, Node | None]]


class DagTranslation:
    """One Dag that is translated; the defaults of its file are merged in."""

    def __init__(self, key: Scalar, node: Mapping, translation: Translation) -> None:
        self.key, self.node, self.translation = key, node, translation
        self.path = key.text
        self.keys: Keys = {}
        for name, entry in entries(node).items():
            if (now := _RENAMED.get(name, name)) == name:
                self.keys[name] = entry
            else:
                self.keys.setdefault(now, entry)
        self.of_operators: Keys = {}
        self.of_groups: dict[str, tuple[Entries, Keys]] = {}

    def document(self) -> Mapping:
        """Give the document."""
        keys = self.keys
        dag_id: Entries = [("dag_id", text(self.key.text, self.key.place))]
        callbacks = self.callbacks()
        doc = self.documentation()
        defaults = self.defaults(keys.get("default_args"), f"{self.path}.default_args")
        schedule = self.schedule()
        timezone = self.timezone()
        others = [entry for name, (key, node) in keys.items() for entry in self.other(name, key, node)]
        return mapping(
            [*dag_id, *schedule, *timezone, *others, *doc, *callbacks, *defaults, ("tasks", self.tasks())],
            self.node.place,
        )

    # --- of the Dag

    def schedule(self) -> Entries:
        if "schedule" not in self.keys:
            return [("schedule", literal(None, self.key.place))]
        key, node = self.keys["schedule"]
        found = schedules.schedule(node, f"{self.path}.schedule", self.translation)
        return [(Scalar("schedule", "schedule", key.place), found)]

    def timezone(self) -> Entries:
        """Give the zone of dates: their default is UTC, whatever that of Airflow is."""
        default_args = self.keys["default_args"][1] if "default_args" in self.keys else None
        of_defaults = entries(default_args)
        written = self.keys.get("timezone") or of_defaults.get("timezone")
        if written is not None:
            return [(Scalar("timezone", "timezone", written[0].place), written[1])]
        dated = [keys[name] for keys in (self.keys, of_defaults) for name in ("start_date", "end_date") if name in keys]
        return [("timezone", text("UTC", dated[0][0].place))] if dated else []

    def callbacks(self) -> Entries:
        for name in ("on_execute_callback", "on_execute_callback_name"):
            if name in self.keys:
                sentence = "has no effect on a Dag; Airflow calls it for tasks alone"
                self.remark(self.keys[name][0], name, sentence, "write it under default_args")
        for name in ("on_execute_callback", "on_execute_callback_name", "on_execute_callback_file"):
            self.keys.pop(name, None)
        found: Entries = []
        for name in functions.OF_A_DAG:
            if (called := functions.callback(self.keys, name, self.path, self.translation)) is not None:
                found.append((name, called))
        return found

    def documentation(self) -> Entries:
        """Give the documentation, without what dag-factory adds to it: the file with the environment put in."""
        own, file = self.keys.pop("doc_md", None), self.keys.pop("doc_md_file_path", None)
        called = self.keys.pop("doc_md_python_callable_name", None)
        for name in ("callable_file", "arguments"):
            self.keys.pop(f"doc_md_python_{name}", None)
        if called is not None:
            sentence = "no function is called for the documentation of a Dag"
            self.remark(called[0], called[0].text, sentence, "write the text itself: doc_md: |")
        if file is not None:
            found = self.translation.text_of(written_text(file[1]) or "")
            if found is None:
                self.problem(file[1], "doc_md_file_path", f"the project has no file '{written_text(file[1])}'")
            return [(Scalar("doc_md", "doc_md", file[0].place), text(found or "-", file[1].place))]
        return [own] if own is not None else []

    def other(self, name: str, key: Scalar, node: Node) -> Entries:
        path = f"{self.path}.{name}"
        if name in _OWN or name in _WITHOUT_EFFECT:
            return self.params(key, node) if name == "params" else []
        if name in ("start_date", "end_date"):
            return [(key, dates.date(node, path, self.translation))]
        if name == "user_defined_macros" or name == "user_defined_filters":
            return [(key, self.macros(node, path))]
        if name in DAG_ARGUMENTS or name in _OBJECTS:
            kind = DAG_ARGUMENTS[name].kind if name in DAG_ARGUMENTS else ""
            value = objects.duration(node) if kind == "duration" else node
            if isinstance(value, Mapping):
                value = objects.value(value, objects.PLAIN, path, self.translation)
            return [(Scalar(name, name, key.place), value)]
        self.unknown(key, name)
        return []

    def unknown(self, key: Scalar, name: str) -> None:
        """Say something of a key that is left out, as dag-factory leaves it out without a word."""
        if name in TASK_ARGUMENTS:
            self.remark(key, name, "is an argument of tasks, and has no effect here", "write it under default_args")
            return
        near = self.translation.report.hints.nearest(name, [*DAG_ARGUMENTS, *_OWN], 0.8)
        if near is not None:
            self.problem(key, name, f"a Dag has no key '{name}'", f"did you mean '{near}'?")

    def params(self, key: Scalar, node: Node) -> Entries:
        return [(key, objects.params(node, f"{self.path}.params", self.translation))] if entries(node) else []

    def macros(self, node: Node, path: str) -> Node:
        """Give macros by their names."""
        if not isinstance(node, Mapping):
            return node
        return mapping(((key, self.macro(one, f"{path}.{key.text}", 0)) for key, one in node.entries), node.place)

    def macro(self, node: Node, path: str, depth: int) -> Node:
        """Give one macro: an import path becomes a function, at any depth, and a plain value an object."""
        if isinstance(node, Mapping) and objects.TYPE not in entries(node):
            inner = ((key, self.macro(one, f"{path}.{key.text}", depth + 1)) for key, one in node.entries)
            return mapping([("$new", text(_NAMES, node.place)), ("with", mapping(inner, node.place))], node.place)
        if isinstance(node, Scalar) and isinstance(node.value, str) and "." in node.value:
            return functions.reference(node, path, self.translation)
        if not depth and isinstance(node, Scalar) and node.value is not None:
            made = text(f"builtins.{type(node.value).__name__}", node.place)
            return mapping([("$new", made), ("args", sequence([node], node.place))], node.place)
        return objects.value(node, objects.PLAIN, path, self.translation)

    def defaults(self, entry: tuple[Scalar, Node] | None, path: str) -> Entries:
        found, self.of_operators = self.split_defaults(entry, path)
        return found

    def split_defaults(self, entry: tuple[Scalar, Node] | None, path: str) -> tuple[Entries, Keys]:
        """Give the defaults of all tasks, and what is left: arguments that some operators take."""
        if entry is None:
            return [], {}
        keys = options.renamed(entries(entry[1]))
        if not isinstance(entry[1], Mapping) and items(entry[1]):
            self.translation.problem(entry[1], path, "must be a mapping of arguments")
        keys.pop("timezone", None)
        for name in _OF_THE_DAG & keys.keys():
            key, _ = keys.pop(name)
            self.translation.remark(key, f"{path}.{name}", "has no effect here", "write it beside default_args")
        found = options.take(keys, path, self.translation)
        if not found:
            return [], keys
        return [(Scalar("defaults", "defaults", entry[0].place), mapping(found, entry[1].place))], keys

    # --- tasks and groups

    def tasks(self) -> Sequence:
        _, node = self.keys.get("tasks") or (self.key, sequence([], self.node.place))
        listed = self.listed("tasks", node)
        groups = Groups(
            self.listed("task_groups", self.keys["task_groups"][1]) if "task_groups" in self.keys else {},
            f"{self.path}.task_groups",
            self.translation,
        )
        parents = {name: self.group_of(name, one, groups) for name, one in listed.items()}
        whole = {name: groups.whole_id(name, parent) for name, parent in parents.items()}
        whole = {name: groups.whole_id(name, group.parent) for name, group in groups.known.items()} | whole
        native = "render_template_as_native_obj" in self.keys and plain(self.keys["render_template_as_native_obj"][1])
        dag = Dag(self.path, whole, self.of_operators, native is True)
        return self.tree(listed, parents, groups, dag, node)

    def listed(self, name: str, node: Node) -> dict[str, Node]:
        """Give the entries of ``tasks`` or ``task_groups`` by their names."""
        path = f"{self.path}.{name}"
        if not isinstance(node, (Mapping, Sequence)):
            if items(node):
                self.problem(node, name, "must be a list or a mapping")
            return {}
        found = defaults.by_name(node, name)
        if found is not None:
            return found
        key = defaults.NAMED[name]
        known: dict[str, Node] = {}
        for index, item in enumerate(items(node)):
            own = written_text(item.get(key)) if isinstance(item, Mapping) else None
            if own is None:
                self.translation.problem(item, f"{path}[{index}]", f"has no '{key}'")
            elif own in known:
                hint = f"line {known[own].place.line} already has it"
                self.translation.problem(item, f"{path}.{own}", f"two have the {key} '{own}'", hint)
            else:
                known[own] = item
        return known

    def group_of(self, name: str, node: Node, groups: Groups) -> str | None:
        written = node.get("task_group_name") if isinstance(node, Mapping) else None
        group = written_text(written)
        if written is None or group is None or group in groups.known:
            return group
        groups.unknown(written, f"{self.path}.tasks.{name}.task_group_name", group)
        return None

    def tree(
        self, listed: dict[str, Node], parents: dict[str, str | None], groups: Groups, dag: Dag, node: Node
    ) -> Sequence:
        """Put each task into its group, and each group where its first task stands."""
        top: list[Node | Group] = []
        placed: set[str] = set()

        def place(name: str | None, entry: Node | Group) -> None:
            if name is None:
                top.append(entry)
                return
            group = groups.known[name]
            group.entries.append(entry)
            if name not in placed:
                placed.add(name)
                place(group.parent, group)

        for name, one in listed.items():
            path = f"{self.path}.tasks.{name}"
            if not isinstance(one, Mapping):
                self.translation.problem(one, path, "a task must be a mapping")
                continue
            with_defaults = self.dag_of_group(dag, parents[name], groups)
            place(parents[name], TaskTranslation(one, path, with_defaults, self.translation).task())
        return sequence((self.entry(one, dag) for one in top), node.place)

    def dag_of_group(self, dag: Dag, parent: str | None, groups: Groups) -> Dag:
        """Give the Dag with the defaults of the groups around a task that only some operators take."""
        found = dict(dag.of_operators)
        above: list[Group] = []
        while parent is not None:
            above.append(groups.known[parent])
            parent = above[-1].parent
        for group in reversed(above):
            found |= self.of_group(group)[1]
        return Dag(dag.path, dag.whole_ids, found, dag.native)

    def of_group(self, group: Group) -> tuple[Entries, Keys]:
        """Give the defaults of a group, and those of them that some operators take."""
        if group.name not in self.of_groups:
            written = entries(group.node).get("default_args")
            self.of_groups[group.name] = self.split_defaults(written, f"{group.path}.default_args")
        return self.of_groups[group.name]

    def entry(self, one: Node | Group, dag: Dag) -> Node:
        if not isinstance(one, Group):
            return one
        keys = entries(one.node)
        defaults, _ = self.of_group(one)
        shown = [(_OF_A_GROUP[name], node) for name, (_, node) in keys.items() if name in _OF_A_GROUP]
        waits_for = items(keys["dependencies"][1] if "dependencies" in keys else None)
        needs = [named(item, dag.whole_ids) for item in waits_for]
        return mapping(
            [
                ("group", text(one.name, one.node.place)),
                *shown,
                ("needs", sequence(needs, keys["dependencies"][1].place) if needs else None),
                *defaults,
                ("tasks", sequence((self.entry(inner, dag) for inner in one.entries), one.node.place)),
            ],
            one.node.place,
        )

    def problem(self, at: Node, name: str, sentence: str, hint: str | None = None) -> None:
        self.translation.problem(at, f"{self.path}.{name}", sentence, hint)

    def remark(self, at: Node, name: str, sentence: str, hint: str | None = None) -> None:
        self.translation.remark(at, f"{self.path}.{name}", sentence, hint)


#: the class of macros that stand in a macro
_NAMES: Final = "airfleet.pipelines.airflow.parts.macro_names.MacroNames"
#: arguments of a Dag that take objects
_OBJECTS: Final = ("deadline", "template_undefined")
