"""The keys beside ``uses: module:function``: ``isolation``, ``sensor``, ``branch`` and ``short_circuit``."""

from __future__ import annotations

import re
from collections.abc import Mapping as AbstractMapping
from typing import Final

from airfleet.pipelines.language.arguments import Argument
from airfleet.pipelines.language.function_options import (
    CONTAINERS,
    ISOLATIONS,
    PYTHON_OPTIONS,
    ROLES,
    VENV_OPTIONS,
)
from airfleet.pipelines.language.kinds import ArgumentKind
from airfleet.pipelines.language.markers import arguments, refuse_names, value
from airfleet.pipelines.language.spec import CallableRef, Isolation, IsolationKind, Role, RoleKind, Uses, Value
from airfleet.pipelines.language.values import Invalid, argument, required_text, texts, truth
from airfleet.problem_codes import Code
from airfleet.yaml.fields import Table
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence, is_null
from airfleet.yaml.problems import Report, joined

KEYS: Final = ("isolation", *ROLES)
_VERSION: Final = re.compile(r"3(\.[0-9]{1,3}){1,2}")


class FunctionReader:
    """The keys of one task that say more of its function."""

    def __init__(self, keys: AbstractMapping[str, tuple[Scalar, Node]], path: str, report: Report) -> None:
        self.given = {name: keys[name] for name in KEYS if name in keys and not is_null(keys[name][1])}
        self.path = path
        self.report = report

    def read(self, uses: Uses) -> tuple[Isolation | None, Role | None]:
        """Give the isolation and the role of the function; None for what is left out or wrong."""
        if self.given and not isinstance(uses, CallableRef):
            self.refuse_all(uses)
            return None, None
        isolation = self.isolation() if "isolation" in self.given else None
        return isolation, self.role(isolation)

    def refuse_all(self, uses: Uses) -> None:
        if self.report.is_wrong(joined(self.path, "uses")):
            return
        for name, (key, _) in self.given.items():
            hint = f"write uses: module:function; an operator has a name of its own, such as {_OPERATORS[name]}"
            sentence = "is said of a Python function, not of an operator"
            self.report.problem(key, joined(self.path, name), sentence, hint, Code.MISPLACED_KEY)

    # --- sensor, branch, short_circuit

    def role(self, isolation: Isolation | None) -> Role | None:
        names: list[RoleKind] = [name for name in ROLES if name in self.given]
        for name in names[1:]:
            self.refuse(name, f"cannot stand beside '{names[0]}'")
        if len(names) != 1:
            return None
        if isolation is not None and isolation.kind in CONTAINERS:
            self.refuse(names[0], "is not decided by a function in a container", _IN_CONTAINER[names[0]])
            return None
        return self.options_of_role(names[0], self.given[names[0]][1])

    def refuse(self, name: str, sentence: str, hint: str | None = None) -> None:
        self.report.problem(self.given[name][0], joined(self.path, name), sentence, hint, Code.CONTRADICTION)

    def options_of_role(self, kind: RoleKind, node: Node) -> Role | None:
        path = joined(self.path, kind)
        self.report.places[path] = node.place
        if (flag := truth(node)) is not None:
            return Role(kind) if flag else None
        if not isinstance(node, Mapping) or not ROLES[kind]:
            what = "true, or a mapping of options" if ROLES[kind] else "true or false"
            self.report.problem(node, path, f"must be {what}", code=Code.WRONG_SHAPE)
            return None
        options = self.options(node, path, ROLES[kind], f"a {kind.replace('_', ' ')}")
        if options.get("soft_fail") and options.get("never_fail"):
            sentence = "cannot stand beside 'soft_fail'"
            self.report.problem(node, joined(path, "never_fail"), sentence, code=Code.CONTRADICTION)
        return Role(kind, options)

    # --- isolation

    def isolation(self) -> Isolation | None:
        key, node = self.given["isolation"]
        path = joined(self.path, "isolation")
        self.report.places[path] = node.place
        if not isinstance(node, Mapping):
            sentence = "must be a mapping with venv, python, docker or kubernetes"
            self.report.problem(node, path, sentence, _HINT, Code.WRONG_SHAPE)
            return None
        kinds = [kind for kind in ISOLATIONS if node.get(kind) is not None]
        if kinds[:1] == ["venv"] and "python" in kinds:
            kinds.remove("python")  # the version of the environment's Python
        if len(kinds) != 1:
            sentence = (
                f"has {' and '.join(kinds)}, but needs one" if kinds else "needs venv, python, docker or kubernetes"
            )
            self.report.problem(key, path, sentence, None if kinds else _HINT, Code.CONTRADICTION)
            return None
        return self.isolated_by(kinds[0], node, path)

    def isolated_by(self, kind: IsolationKind, node: Mapping, path: str) -> Isolation:
        inner = node.get(kind)
        assert inner is not None
        rest = node.without(kind)
        at = joined(path, kind)
        self.report.note_places(inner, at)
        if kind in CONTAINERS:
            return Isolation(kind, {**self.container(inner, at), **arguments(rest, path, self.report)})
        if kind == "venv":
            return Isolation(kind, {**self.venv(inner, at), **self.venv_options(rest, path)})
        python = required_text(inner, at, self.report)
        if python and not python.startswith("/"):
            hint = f"for a version, write {{venv: [], python: '{python}'}}" if _VERSION.fullmatch(python) else None
            sentence = f"must be the absolute path of a Python, not '{python}'"
            self.report.problem(inner, at, sentence, hint)
        return Isolation(kind, {"python": python, **self.options(rest, path, PYTHON_OPTIONS, "this isolation")})

    def venv(self, node: Node, path: str) -> dict[str, Value]:
        if is_null(node):
            return {"requirements": ()}
        try:
            found = texts(node)
        except Invalid:
            sentence = "must be a list of requirements, or a requirements file"
            self.report.problem(node, path, sentence, code=Code.WRONG_SHAPE)
            return {}
        items = node.items if isinstance(node, Sequence) else (node,)
        for index, (item, text) in enumerate(zip(items, found, strict=True)):
            if not text.strip():
                at = path if item is node else f"{path}[{index}]"
                hint = "for an environment without packages, write venv: []" if item is node else None
                self.report.problem(item, at, "must not be empty", hint, Code.EMPTY_VALUE)
        return {"requirements": found if isinstance(node, Sequence) else found[0]}

    def venv_options(self, rest: Mapping, path: str) -> dict[str, Value]:
        found = self.options(rest, path, VENV_OPTIONS, "this isolation")
        version = found.pop("python", None)
        if isinstance(version, str):
            found["python_version"] = version
            if not _VERSION.fullmatch(version):
                node = rest.get("python")
                assert node is not None
                sentence = f"must be a version such as 3.12, not '{version}'"
                self.report.problem(node, joined(path, "python"), sentence)
        return found

    def container(self, node: Node, path: str) -> dict[str, Value]:
        """Read an image, or the arguments of the operator with the image among them."""
        if not isinstance(node, Mapping):
            return {"image": value(node, path, self.report)}
        return dict(arguments(node, path, self.report))

    def options(self, node: Mapping, path: str, table: Table[ArgumentKind], what: str) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for key, inner in node.entries:
            at = joined(path, key.text)
            known: Argument | None = table.get(key.text)
            if known is None:
                hint = _INSTEAD.get(key.text) or self.report.hints.did_you_mean(key.text, table)
                self.report.problem(key, at, f"{what} has no option '{key.text}'", hint, Code.UNKNOWN_KEY)
                continue
            if key.text == "env_vars" and isinstance(inner, Mapping):
                refuse_names(inner, at, self.report)
            if (read := argument(inner, at, known, self.report)) is not None:
                found[key.text] = read
        return found


_OPERATORS: Final = {
    "isolation": "python_virtualenv or docker",
    "sensor": "file_sensor",
    "branch": "branch_day_of_week",
    "short_circuit": "latest_only",
}
_INSTEAD: Final = {
    "deferrable": "a function cannot wait in the triggerer; mode: reschedule takes no slot between two calls",
    "requirements": "write venv: [requirements]",
    "python_version": "write python: '3.12'",
}
_BY_ANOTHER_TASK: Final = "let this task return its answer, and give it by {$x: …} to a function that decides"
_IN_CONTAINER: Final[dict[RoleKind, str]] = {
    "sensor": "write isolation: {venv: […]} for libraries of its own",
    "branch": _BY_ANOTHER_TASK,
    "short_circuit": _BY_ANOTHER_TASK,
}
_HINT: Final = "write isolation: {venv: [pandas]}, for example"
