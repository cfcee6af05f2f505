"""One task of dag-factory as one of ours: an operator or a decorated function, with its arguments."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from airfleet.errors import Place
from airfleet.pipelines.analysis import catalog, template_files
from airfleet.pipelines.analysis.signatures import Signature
from airfleet.pipelines.dialects.dag_factory import dates, functions, objects, options
from airfleet.pipelines.dialects.dag_factory.objects import PLAIN, Rendering
from airfleet.pipelines.dialects.dag_factory.options import Keys
from airfleet.pipelines.dialects.node_building import entries, items, literal, mapping, sequence, text, written_text
from airfleet.pipelines.dialects.translation import Translation
from airfleet.pipelines.language.values import FUNCTION
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence, plain

_DECORATORS: Final = ("airflow.sdk.task", "airflow.decorators.task", "airflow.sdk.definitions.decorators.task")
#: the class that a decorated function becomes, as a converter of MWAA writes it
_DECORATED: Final = "_PythonDecoratedOperator"
_REFERENCE: Final = re.compile(r"\+(?P<task>[\w.-]+)(?:\[['\"](?P<key>.*)['\"]\])?")
_OUTPUT: Final = re.compile(r"(?:(?P<task>[\w.-]+)\.output|XcomArg\((?P<other>[\w.-]+)\))")
#: keys that say something about the task, and are no arguments
_OWN: Final = frozenset({"operator", "decorator", "task_id", "dependencies", "task_group_name", "parent_group_name"})
#: arguments that are the name of a function
_FUNCTIONS: Final = (
    "python_callable",
    "success_check",
    "failure_check",
    "success",
    "failure",
    "response_check",
    "response_filter",
    "execution_date_fn",
    "date_fn",
)
_LENGTHS: Final = ("execution_delta",)
_JSON: Final = "application/json"

Entries = list[tuple[str | Scalar, Node | None]]


@dataclass
class Dag:
    """The facts of a Dag that its tasks need."""

    path: str
    #: ids as they are written, of tasks and groups, and what each is called from everywhere
    whole_ids: dict[str, str]
    #: defaults that no task of every kind takes
    of_operators: Keys = field(default_factory=dict)
    #: whether templates give numbers and lists
    native: bool = False


class TaskTranslation:
    """One task that is translated."""

    def __init__(self, node: Mapping, path: str, dag: Dag, translation: Translation) -> None:
        self.node, self.path, self.dag, self.translation = node, path, dag, translation
        self.keys = options.renamed(entries(node))

    def task(self) -> Mapping:
        """Give the task."""
        written = {name: self.keys.pop(name) for name in _OWN & self.keys.keys()}
        id_key, task_id = written["task_id"]
        needs = self.needs(written.get("dependencies"))
        described = self.decorated(written) if self.is_decorated(written) else self.operator(written)
        return mapping(
            [
                (Scalar("id", "id", id_key.place), task_id),
                *described[:1],
                *([("needs", needs)] if needs is not None else []),
                *described[1:],
            ],
            self.node.place,
        )

    def problem(self, at: Node, name: str, sentence: str, hint: str | None = None) -> None:
        self.translation.problem(at, f"{self.path}.{name}" if name else self.path, sentence, hint)

    def needs(self, entry: tuple[Scalar, Node] | None) -> Node | None:
        found = items(entry[1]) if entry else ()
        if entry is None or not found:
            return None
        return sequence((named(item, self.dag.whole_ids) for item in found), entry[1].place)

    # --- what it does

    def is_decorated(self, written: Keys) -> bool:
        if "decorator" in written:
            return True
        operator = written.get("operator")
        return operator is not None and (written_text(operator[1]) or "").endswith(f".{_DECORATED}")

    def operator(self, written: Keys) -> Entries:
        key, node = written.get("operator") or (None, self.node)
        path = written_text(node) if key is not None else None
        if key is None or path is None:
            self.problem(node, "operator" if key else "", "the task has no 'operator' and no 'decorator'")
            return []
        path = objects.modern(path.strip())
        found = catalog.operator(path, self.translation.roots)
        known = found if isinstance(found, catalog.Operator) else None
        self.add_defaults(known.signature if known else None)
        taken = options.take(self.keys, self.path, self.translation)
        args = self.arguments(path, self.rendering(path, known))
        expand = self.expand(_OUTPUT, self.rendering(path, known))
        return [(Scalar("uses", "uses", key.place), text(path, node.place)), *taken, *expand, ("with", args)]

    def add_defaults(self, signature: Signature | None) -> None:
        """Add the defaults that only some operators take: Airflow gives them to those."""
        for name, entry in self.dag.of_operators.items():
            if signature is not None and name in signature.parameters and not self.says(name):
                self.keys[name] = entry

    def says(self, name: str) -> bool:
        inner = [entries(self.keys[one][1]) for one in ("expand", "partial") if one in self.keys]
        return name in self.keys or f"{name}_name" in self.keys or any(name in one for one in inner)

    def rendering(self, path: str, known: catalog.Operator | None) -> Callable[[str], Rendering]:
        """Say which arguments of an operator are templates: all may be, where that cannot be known."""
        endings = template_files.endings(path, self.translation.roots)
        fields = known.template_fields if known else None

        def of_argument(name: str) -> Rendering:
            if fields is not None and name not in fields:
                return PLAIN
            return Rendering(True, self.dag.native and fields is not None, endings)

        return of_argument

    def arguments(self, operator: str, rendering: Callable[[str], Rendering]) -> Node | None:
        self.add_partial()
        by_variables = self.by_variables()
        self.make_json(operator)
        found: Entries = []
        for name in _FUNCTIONS:
            if (called := functions.named(self.keys, name, self.path, self.translation)) is not None:
                found.append((name, called))
        for name, (key, node) in self.keys.items():
            if name in ("expand", "partial"):
                continue
            if name == "bash_command":
                node = self.in_shell(node)
            found.append((key, self.argument(name, node, rendering(name))))
        found = [(key, node) for key, node in found if _name(key) not in by_variables]
        found += [(name, node) for name, node in by_variables.items()]
        return mapping(found, self.node.place) if found else None

    def argument(self, name: str, node: Node, how: Rendering) -> Node:
        if name in _LENGTHS and isinstance(node, Scalar) and isinstance(node.value, str):
            return self.length(node)
        return objects.value(node, how, f"{self.path}.{name}", self.translation)

    def length(self, node: Scalar) -> Node:
        """Give ``1 days`` as a length of time."""
        length = dates.before_today(str(node.value))
        return node if length is None else text(objects.duration_text(length), node.place)

    def in_shell(self, node: Node) -> Node:
        if not isinstance(node, Scalar) or not isinstance(node.value, str) or "$" not in node.value:
            return node
        env = entries(self.keys["env"][1]) if "env" in self.keys else {}
        appended = "append_env" in self.keys and plain(self.keys["append_env"][1]) is True
        own = frozenset(env) if env and not appended else None
        return text(self.translation.environment.shell(node.value, own), node.place)

    def add_partial(self) -> None:
        if "partial" not in self.keys:
            return
        _, node = self.keys.pop("partial")
        if not isinstance(node, Mapping):
            self.problem(node, "partial", "must be a mapping of arguments")
        for name, entry in entries(node).items():
            if name in self.keys:
                self.problem(entry[0], f"partial.{name}", f"'{name}' stands at the task as well")
            self.keys[name] = entry

    def by_variables(self) -> dict[str, Node]:
        """Take arguments that a variable of Airflow gives, read when the task runs."""
        _, node = self.keys.pop("variables_as_arguments", (None, None))
        found: dict[str, Node] = {}
        for item in items(node):
            variable, attribute = (written_text(entries(item).get(name, (None, None))[1]) for name in _OF_A_VARIABLE)
            if variable is None or attribute is None:
                self.problem(item, "variables_as_arguments", "must be a list of {variable: …, attribute: …}")
                continue
            otherwise = self.keys.get(attribute)
            default = f", {json.dumps(plain(otherwise[1]))}" if otherwise else ""
            written = f"{{{{ var.value.get('{variable}'{default}) }}}}"
            found[attribute] = objects.template(written, item.place)
        return found

    def make_json(self, operator: str) -> None:
        """Write the data of a request as the JSON that its headers promise."""
        if not operator.endswith("HttpOperator") or "data" not in self.keys or "headers" not in self.keys:
            return
        headers = entries(self.keys["headers"][1])
        kinds = [written_text(one) or "" for name, (_, one) in headers.items() if name.lower() == "content-type"]
        key, data = self.keys["data"]
        if any(_JSON in kind for kind in kinds) and not isinstance(data, Scalar):
            written = json.dumps(plain(data), ensure_ascii=False, default=str)
            self.keys["data"] = (key, text(written, data.place))

    # --- decorated functions

    def decorated(self, written: Keys) -> Entries:
        key, node = written.get("decorator") or written["operator"]
        if "decorator" in written and objects.modern(written_text(node) or "") not in _DECORATORS:
            self.problem(node, "decorator", f"'{written_text(node)}' is not a decorator that dag-factory takes", _TASK)
        called = functions.named(self.keys, "python_callable", self.path, self.translation)
        if called is None:
            self.problem(self.node, "", "the task has no 'python_callable'")
            called = literal(None, node.place)
        self.take_mwaa_arguments()
        parameters = self.parameters(called)
        taken = self.options_beside(parameters)
        self.add_partial()
        how = Rendering(rendered=True, native=self.dag.native)
        args = [
            (name, self.output_or(one, _REFERENCE, how, _name(name)))
            for name, one in self.keys.values()
            if _name(name) != "expand"
        ]
        expand = self.expand(_REFERENCE, lambda _: how)
        return [
            (Scalar("uses", "uses", key.place), called),
            *taken,
            *expand,
            ("with", mapping(args, self.node.place) if args else None),
        ]

    def take_mwaa_arguments(self) -> None:
        """Take the arguments of a decorated function as a converter of MWAA writes them."""
        for name in ("op_args", "op_kwargs"):
            if name in self.keys and not items(self.keys[name][1]):
                self.keys.pop(name)
        if "op_kwargs" in self.keys and isinstance(self.keys["op_kwargs"][1], Mapping):
            for name, entry in entries(self.keys.pop("op_kwargs")[1]).items():
                self.keys.setdefault(name, entry)

    def parameters(self, called: Node) -> frozenset[str]:
        """List the parameters of the function: what is called like one of them is its argument."""
        written = written_text(called) or ""
        if not FUNCTION.fullmatch(written):
            return frozenset()
        module, _, name = written.partition(":")
        found = catalog.function(module, name, self.translation.roots)
        return frozenset(found.parameters) if isinstance(found, Signature) else frozenset()

    def options_beside(self, parameters: frozenset[str]) -> Entries:
        own = {name: self.keys.pop(name) for name in parameters & self.keys.keys()}
        taken = options.take(self.keys, self.path, self.translation)
        self.keys.update(own)
        return taken

    # --- outputs of other tasks

    def expand(self, output: re.Pattern[str], rendering: Callable[[str], Rendering]) -> Entries:
        if "expand" not in self.keys:
            return []
        key, node = self.keys["expand"]
        if not isinstance(node, Mapping):
            self.problem(node, "expand", "must be a mapping of arguments to lists")
            return []
        found: Entries = [
            (name, self.output_or(one, output, rendering(name.text), f"expand.{name.text}"))
            for name, one in node.entries
        ]
        return [(key, mapping(found, node.place))]

    def output_or(self, node: Node, output: re.Pattern[str], how: Rendering, name: str) -> Node:
        """Give the output of a task where the text names one; everything else as a value."""
        if isinstance(node, Scalar) and isinstance(node.value, str) and (match := output.fullmatch(node.value.strip())):
            parts = match.groupdict()
            task = parts["task"] or parts.get("other") or ""
            return _output(self.dag.whole_ids.get(task, task), parts.get("key"), node.place)
        if isinstance(node, Sequence) and output is _REFERENCE:
            listed = (self.output_or(one, output, how, f"{name}[{index}]") for index, one in enumerate(node.items))
            return sequence(listed, node.place)
        return objects.value(node, how, f"{self.path}.{name}", self.translation)


_OF_A_VARIABLE: Final = ("variable", "attribute")
_TASK: Final = "write decorator: airflow.sdk.task"


def _output(task: str, key: str | None, place: Place) -> Node:
    if key is None:
        return mapping([("$x", text(task, place))], place)
    return mapping([("$x", mapping([("task", text(task, place)), ("key", text(key, place))], place))], place)


def named(item: Node, whole_ids: dict[str, str]) -> Node:
    """Give the name of a task or group as it is known everywhere."""
    return text(whole_ids.get(item.text, item.text), item.place) if isinstance(item, Scalar) else item


def _name(key: str | Scalar) -> str:
    return key if isinstance(key, str) else key.text
