"""One task, after its templates are merged in, becomes a Task."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as AbstractMapping
from dataclasses import replace
from functools import partial
from typing import Final

from airfleet.errors import Suggestion
from airfleet.pipelines.analysis import catalog, short_names
from airfleet.pipelines.language import wrong_key_hints
from airfleet.pipelines.language.arguments import (
    DAG_ARGUMENTS,
    TASK_ARGUMENTS,
    TASK_KEYS,
    TASK_OWN_KEYS,
    TASK_PYTHON_ONLY,
    Argument,
)
from airfleet.pipelines.language.environments import is_environment
from airfleet.pipelines.language.function_options import meant_of_a_function
from airfleet.pipelines.language.markers import arguments
from airfleet.pipelines.language.spec import CallableRef, Group, OperatorRef, Part, Task, Uses, Value
from airfleet.pipelines.language.values import FUNCTION, required_text
from airfleet.pipelines.reading.expansion_reader import read_expansion
from airfleet.pipelines.reading.names import Names, read_names
from airfleet.pipelines.reading.schedules.arguments import argument
from airfleet.pipelines.reading.uses.function_reader import FunctionReader
from airfleet.pipelines.reading.uses.unknown_operators import unknown_short_name
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import Mapping, Node, Scalar, is_null
from airfleet.yaml.problems import Report, joined

_TEARDOWN_KEYS: Final = ("setups", "on_failure_fail_dagrun")
_FLAG: Final = Argument("boolean", "")


class TaskReader:
    """One task after its templates are merged in."""

    def __init__(
        self, written: Mapping, body: Mapping, path: str, report: Report, group: Group | None, names: Names
    ) -> None:
        self.written = written
        self.path = path
        self.report = report
        self.group = group
        self.names = names
        self.keys = {key.text: (key, value) for key, value in body.entries}

    def read(self, defaults: AbstractMapping[str, Value]) -> Task:
        uses = self.uses()
        options = self.options(defaults, uses)
        args = arguments(self.value("with"), joined(self.path, "with"), self.report, self.environments(uses))
        if not isinstance(uses, CallableRef):
            self.reject_misplaced()
        whole = self.id()
        group = self.group.id if self.group else ""
        isolation, role = FunctionReader(self.keys, self.path, self.report).read(uses)
        task = Task(
            id=whole,
            uses=uses,
            isolation=isolation,
            role=role,
            args=args,
            options=options,
            needs=read_names(self.value("needs"), joined(self.path, "needs"), whole, group, self.names, self.report),
            path=self.path,
            group=group,
            expand=read_expansion({name: node for name, (_, node) in self.keys.items()}, self.path, self.report),
        )
        return self.with_whole_ids(self.with_part(task))

    def with_whole_ids(self, task: Task) -> Task:
        """Return the task with every ``$x`` naming its task by the whole id."""
        if not self.names.has_groups:
            return task
        args = {name: self.names.outputs(value, task.group) for name, value in task.args.items()}
        isolation = task.isolation
        if isolation is not None:
            options = {name: self.names.outputs(value, task.group) for name, value in isolation.options.items()}
            isolation = replace(isolation, options=options)
        return replace(task, args=args, expand=self.names.expansion(task.expand, task.group), isolation=isolation)

    def with_part(self, task: Task) -> Task:
        """Return the task with its part in setup and teardown."""
        setup, teardown = self.flag("setup"), self.value("teardown")
        if teardown is None or is_null(teardown):
            return replace(task, part=Part.SETUP) if setup else task
        path = joined(self.path, "teardown")
        self.report.places[path] = teardown.place
        if setup:
            self.report.problem(
                teardown, path, "stands beside 'setup'; a task is one of the two", code=Code.CONTRADICTION
            )
        if isinstance(teardown, Mapping):
            return self.teardown_of(task, teardown, path)
        return replace(task, part=Part.TEARDOWN) if self.flag("teardown") else task

    def teardown_of(self, task: Task, node: Mapping, path: str) -> Task:
        """Return the task as a teardown with the setups and the weight that are written."""
        for key, _ in node.entries:
            if key.text not in _TEARDOWN_KEYS:
                hint = self.report.hints.did_you_mean(key.text, _TEARDOWN_KEYS)
                self.report.problem(
                    key, joined(path, key.text), f"a teardown has no '{key.text}'", hint, Code.UNKNOWN_KEY
                )
        setups = joined(path, "setups")
        fails = node.get("on_failure_fail_dagrun")
        return replace(
            task,
            part=Part.TEARDOWN,
            setups=read_names(node.get("setups"), setups, task.id, task.group, self.names, self.report),
            fails_run=fails is not None
            and argument(fails, joined(path, "on_failure_fail_dagrun"), _FLAG, self.report) is True,
        )

    def flag(self, name: str) -> bool:
        """Read a key that is true or false."""
        node = self.value(name)
        return node is not None and argument(node, joined(self.path, name), _FLAG, self.report) is True

    def environments(self, uses: Uses) -> Callable[[str], bool]:
        """List the arguments that are the environment of a process."""
        return partial(is_environment, uses.path) if isinstance(uses, OperatorRef) else lambda _: False

    def value(self, name: str) -> Node | None:
        return self.keys[name][1] if name in self.keys else None

    def id(self) -> str:
        node = self.value("id")
        if node is None:
            if not self.report.is_wrong(joined(self.path, "id")):
                self.report.problem(self.written, self.path, "the task has no 'id'", code=Code.MISSING_KEY)
            return ""
        written = required_text(node, joined(self.path, "id"), self.report)
        return self.group.id_of(written) if self.group and written else written

    def uses(self) -> Uses:
        node = self.value("uses")
        path = joined(self.path, "uses")
        if node is None or is_null(node):
            return None
        self.report.places[path] = node.place
        if not isinstance(node, Scalar) or not isinstance(node.value, str) or not node.value:
            sentence = "must be an operator (bash, or an import path) or a Python function (module:function)"
            self.report.problem(node, path, sentence, code=Code.UNKNOWN_OPERATOR)
            return None
        return self.reference(node, node.value, path)

    def reference(self, node: Node, written: str, path: str) -> Uses:
        if ":" in written:
            if not FUNCTION.fullmatch(written):
                sentence = f"'{written}' is not the name of a function"
                self.report.problem(node, path, sentence, "write module:function", Code.FUNCTION_NAME)
                return None
            module, _, function = written.partition(":")
            return CallableRef(module, function)
        found = short_names.resolve(written)
        if found is None:
            unknown = unknown_short_name(written, self.report.hints)
            self.report.problem(node, path, *unknown, code=Code.UNKNOWN_OPERATOR)
            return None
        return OperatorRef(found, written)

    def options(self, defaults: AbstractMapping[str, Value], uses: Uses) -> dict[str, Value]:
        found = dict(defaults)
        for name, (key, node) in self.keys.items():
            path = joined(self.path, name)
            if name in TASK_ARGUMENTS:
                found.pop(name, None)
                read = argument(node, path, TASK_ARGUMENTS[name], self.report)
                if read is not None or (name in defaults and is_null(node)):  # null takes a default away
                    found[name] = read
            elif name not in TASK_KEYS:
                self.unknown_key(key, path, uses)
        return found

    def unknown_key(self, key: Scalar, path: str, uses: Uses) -> None:
        name = key.text
        if name in wrong_key_hints.MEANT_OF_A_TASK:
            self.slip(wrong_key_hints.MEANT_OF_A_TASK[name])
        if name in TASK_OWN_KEYS:
            self.report.problem(key, path, "cannot be set on a task", TASK_OWN_KEYS[name], Code.UNKNOWN_KEY)
        elif name in TASK_PYTHON_ONLY:
            hint = wrong_key_hints.BY_PYTHON.get(name)
            self.report.problem(key, path, TASK_PYTHON_ONLY[name], hint, Code.PYTHON_ONLY)
        elif name == "run":
            hint = "write 'uses' with an operator or a Python function"
            sentence = "tasks in other languages ('run') cannot be run here"
            self.report.problem(key, path, sentence, hint, Code.KEY_OF_ANOTHER_FORMAT)
        elif glued := wrong_key_hints.glued(name, (*TASK_KEYS, *TASK_ARGUMENTS)):
            self.slip(glued.meant)
            self.report.problem(key, path, glued.sentence, glued.hint, Code.UNKNOWN_KEY)
        elif name in DAG_ARGUMENTS:
            sentence = "is an argument of the pipeline, not of a task"
            self.report.problem(key, path, sentence, "write it at the top level", Code.MISPLACED_KEY)
        elif isinstance(uses, CallableRef) and (hint := meant_of_a_function(name)):
            self.report.problem(key, path, f"a task has no key '{name}'", hint, Code.MISPLACED_KEY)
        elif name in wrong_key_hints.OF_A_TASK and not self.is_argument(name, uses):
            instead = wrong_key_hints.OF_A_TASK[name]
            self.report.problem(key, path, instead.sentence, instead.hint, Code.KEY_OF_ANOTHER_FORMAT)
        else:
            hint = self.hint_for(name, uses)
            self.report.problem(key, path, f"a task has no key '{name}'", hint, Code.UNKNOWN_KEY)

    def slip(self, meant: str | None) -> None:
        """Note that a wrong key stands for another one, which is not missing then."""
        if meant is not None and meant not in self.keys:
            self.report.note_slip(joined(self.path, meant))

    def is_argument(self, name: str, uses: Uses) -> bool:
        """Tell whether the operator takes an argument of this name, as far as that can be known without the project."""
        found = catalog.operator(uses.path) if isinstance(uses, OperatorRef) else None
        return isinstance(found, catalog.Operator) and name in found.signature.parameters

    def hint_for(self, name: str, uses: Uses) -> str | None:
        if near := self.report.hints.nearest(name, [*TASK_KEYS, *TASK_ARGUMENTS], 0.75):
            self.slip(near)
            return Suggestion(name, near)
        if isinstance(uses, OperatorRef):
            return f"arguments of {uses.written.rpartition('.')[2]} go under 'with'"
        return "arguments of the function go under 'with'" if uses else None

    def reject_misplaced(self) -> None:
        """Note an argument of BaseOperator under ``with`` of an operator."""
        node = self.value("with")
        for key, _ in node.entries if isinstance(node, Mapping) else ():
            path = joined(self.path, f"with.{key.text}")
            if key.text in TASK_ARGUMENTS:
                hint = f"write '{key.text}' beside 'uses' and 'with', not under 'with'"
                sentence = "is an argument of the task, not of the operator"
                self.report.problem(key, path, sentence, hint, Code.MISPLACED_KEY)
            elif key.text in TASK_OWN_KEYS:
                self.report.problem(key, path, "cannot be set on a task", TASK_OWN_KEYS[key.text], Code.UNKNOWN_KEY)
            elif key.text in TASK_PYTHON_ONLY:
                by_python = wrong_key_hints.BY_PYTHON.get(key.text)
                self.report.problem(key, path, TASK_PYTHON_ONLY[key.text], by_python, Code.PYTHON_ONLY)
