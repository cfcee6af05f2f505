"""Functions as dag-factory names them: import paths, names and files; and callbacks."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from airfleet.pipelines.dialects.dag_factory import objects
from airfleet.pipelines.dialects.node_building import entries, items, mapping, sequence, text, written_text
from airfleet.pipelines.dialects.translation import Translation
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence

#: of a Dag, and of tasks
OF_A_DAG: Final = ("on_success_callback", "on_failure_callback")
OF_A_TASK: Final = (
    "on_execute_callback",
    "on_success_callback",
    "on_failure_callback",
    "on_retry_callback",
    "on_skipped_callback",
)


def reference(node: Node, path: str, translation: Translation) -> Node:
    """Give ``module:function`` for an import path."""
    written = written_text(node)
    if written is None or ":" in written:
        return node
    module, _, name = objects.modern(written.strip()).rpartition(".")
    if not module or written.strip().startswith("lambda"):
        sentence = "must be the import path of a function, such as shop.steps.load"
        if written.strip().startswith("lambda"):
            sentence = "Python is not evaluated here: name a function of a module of the project"
        translation.problem(node, path, sentence)
        return node
    return text(f"{module}:{name}", node.place)


def in_a_file(name: Node, file: Node | None, path: str, translation: Translation) -> Node:
    """Give ``module:function`` for the name of a function and the file that it stands in."""
    written = written_text(file)
    if file is None or written is None:
        translation.problem(name, path, f"'{path.rpartition('.')[2]}' needs the file of the function as well")
        return name
    found = translation.beside(written)
    if found is None or found.suffix != ".py":
        hint = "put it beside the pipelines, or below the folder of fleet.yaml"
        translation.problem(file, path, f"the project has no file '{written}' to import from", hint)
        return name
    return text(f"{_module(found, translation)}:{written_text(name)}", name.place)


def _module(file: Path, translation: Translation) -> str:
    root = next(root for root in translation.roots if file.is_relative_to(root))
    return ".".join(file.relative_to(root).with_suffix("").parts)


def named(keys: dict[str, tuple[Scalar, Node]], name: str, path: str, translation: Translation) -> Node | None:
    """Take a function out of keys: ``x``, or ``x_name`` with ``x_file``; None when there is none."""
    own, by_name, file = keys.pop(name, None), keys.pop(f"{name}_name", None), keys.pop(f"{name}_file", None)
    text_of = keys.pop(f"{name}_lambda", None)
    if text_of is not None:
        sentence = "Python is not evaluated here"
        hint = f"write the function into a module of the project, and name it: {name}: module.function"
        translation.problem(text_of[1], f"{path}.{name}_lambda", sentence, hint)
    if by_name is not None:
        return in_a_file(by_name[1], file[1] if file else None, f"{path}.{name}_name", translation)
    return reference(own[1], f"{path}.{name}", translation) if own is not None else None


def callback(keys: dict[str, tuple[Scalar, Node]], name: str, path: str, translation: Translation) -> Node | None:
    """Take a callback out of keys; None when there is none."""
    if name not in keys or f"{name}_name" in keys:
        return named(keys, name, path, translation)
    return _callback(keys.pop(name)[1], f"{path}.{name}", translation)


def _callback(node: Node, path: str, translation: Translation) -> Node:
    if isinstance(node, Sequence):
        found = (_callback(item, f"{path}[{index}]", translation) for index, item in enumerate(node.items))
        return sequence(found, node.place)
    if not isinstance(node, Mapping):
        return reference(node, path, translation) if items(node) else node
    keys = entries(node)
    called = keys.pop("callback", None) or keys.pop(objects.TYPE, None)
    if called is None:
        translation.problem(node, path, "the callback has no 'callback'", "write callback: module.function")
        return node
    uses = reference(called[1], f"{path}.callback", translation)
    given = [(key, objects.value(one, objects.PLAIN, f"{path}.{key.text}", translation)) for key, one in keys.values()]
    return mapping([("uses", uses), ("with", mapping(given, node.place) if given else None)], node.place)
