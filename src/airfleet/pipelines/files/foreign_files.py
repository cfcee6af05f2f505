"""YAML files among the pipelines that are no pipelines: settings of a loader, files of other tools.

A file is a pipeline file when one of its documents has a key of pipelines (``dag_id``, ``tasks``, ``jobs``,
``templates``, or a ``$schema`` that speaks of pipelines), also when that key is written a little wrong. So is one
with a document of dag-factory. Then everything wrong in the file is a problem. Any other file gives no Dag and no
import error, and ``check`` says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from airfleet.errors import Place, Problem
from airfleet.pipelines.files.dag_factory_files import is_dag_factory, is_defaults
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence

HINT: Final = "to keep it here unread without this line, begin its name with '_' or name it in .airflowignore"

#: keys of pipelines as people write them: without case, dashes and underscores
_KEYS: Final = frozenset({"dagid", "tasks", "jobs", "templates"})
_SCHEMA: Final = re.compile(r"airfleet|airflow|pipeline|\bdag\b", re.IGNORECASE)
#: the same in text that is no YAML
_WORDS: Final = re.compile(r"""^["']?(?:dag_id|tasks|jobs|templates)["']?[ ]*:|\bdag_id["']?[ ]*:""", re.MULTILINE)


def said_of(documents: tuple[Node, ...], text: str, file: str, *, broken: bool) -> Problem | None:
    """Make the remark about a file that is no pipeline file; None for one. ``broken``: not YAML to its end."""
    named = next(filter(None, map(_named, documents)), None)
    if not named and (any(map(_is_pipeline, documents)) or (broken and _WORDS.search(text))):
        return None
    if documents and not broken and all(map(is_defaults, documents)):
        sentence = "these are defaults for the dag-factory files beside this one and below"
        return Problem(Place(file), "", sentence, code=Code.NOT_A_PIPELINE)
    if named:
        sentence = f"this is {named}, not a pipeline; airfleet does not read it"
    elif not documents and not broken:
        sentence = "there is no pipeline in this file"
    else:
        sentence = "this is not a pipeline, and is not read: it has none of the keys dag_id, tasks, jobs and templates"
    return Problem(Place(file), "", sentence, HINT, Code.NOT_A_PIPELINE)


def said_of_bytes(content: bytes, wrong: Problem) -> Problem | None:
    """Make the remark about a file that is not UTF-8 text, which is ``wrong`` if it is a pipeline file."""
    if b"\0" in content or _WORDS.search(content.decode("latin-1")):
        return None
    sentence = f"this is not a pipeline, and is not read: {wrong.sentence}"
    return Problem(wrong.place, "", sentence, HINT, Code.NOT_A_PIPELINE)


def _is_pipeline(document: Node) -> bool:
    if isinstance(document, Sequence):  # several pipelines, which are no list
        return any("dagid" in _keys(item) for item in document.items)
    if is_dag_factory(document):
        return True
    keys = _keys(document)
    if any(plain in _KEYS or sorted(plain) == _LETTERS_OF_DAG_ID for plain in keys):
        return True
    schema = keys.get("$schema")
    return isinstance(schema, Scalar) and _SCHEMA.search(schema.text) is not None


_LETTERS_OF_DAG_ID: Final = sorted("dagid")


def _keys(node: Node) -> dict[str, Node]:
    """Give the values of a mapping by their keys without case, dashes and underscores."""
    if not isinstance(node, Mapping):
        return {}
    return {re.sub(r"[-_ ]", "", key.text.lower()): value for key, value in node.entries}


# --- files of other tools that people have among their Dags


def _named(document: Node) -> str | None:
    """Give the kind of file that a document is; None for one that says its ``dag_id``, and for unknown kinds."""
    if isinstance(document, Mapping) and any(key.text == "dag_id" for key, _ in document.entries):
        return None
    if is_dag_factory(document):
        return None
    return next((name for name, fits in _KINDS if fits(document)), None)


def _has(*names: str) -> Callable[[Node], bool]:
    def fits(node: Node) -> bool:
        return isinstance(node, Mapping) and set(names) <= {key.text for key, _ in node.entries}

    return fits


def _has_items(name: str, key: str) -> Callable[[Node], bool]:
    def fits(node: Node) -> bool:
        lists = (value for found, value in _entries(node) if found.text == name and isinstance(value, Sequence))
        return any(bool(value.items) and all(map(_has(key), value.items)) for value in lists)

    return fits


def _is_dbt(node: Node) -> bool:
    things = ("models", "sources", "seeds", "snapshots", "exposures", "metrics", "macros", "semantic_models")
    return any(_has("version", thing)(node) for thing in things) or _has("config-version")(node)


def _is_ansible(node: Node) -> bool:
    return isinstance(node, Sequence) and any(_has("hosts")(item) for item in node.items)


def _is_task_mapping(node: Node) -> bool:
    return _has("version", "tasks")(node) and any(
        key.text == "tasks" and isinstance(value, Mapping) for key, value in _entries(node)
    )


def _is_compose(node: Node) -> bool:
    services = [value for key, value in _entries(node) if key.text == "services"]
    return any(_has("image")(one) or _has("build")(one) for value in services for one in _inner(value))


def _is_rodou(node: Node) -> bool:
    return any(key.text == "dag" and _has("id")(value) for key, value in _entries(node))


def _entries(node: Node) -> Iterator[tuple[Scalar, Node]]:
    yield from node.entries if isinstance(node, Mapping) else ()


def _inner(node: Node) -> Iterator[Node]:
    """Give the values of a mapping."""
    return (value for _, value in _entries(node))


_KINDS: Final[tuple[tuple[str, Callable[[Node], bool]], ...]] = (
    ("a gusty task", _has("operator")),
    ("a dbt file", _is_dbt),
    ("a Ro-dou file", _is_rodou),
    ("a GitHub workflow", _has("on", "jobs")),
    ("an Ansible playbook", _is_ansible),
    ("a Taskfile", _is_task_mapping),
    ("a Kestra flow", _has("id", "namespace", "tasks")),
    ("a job of Databricks", _has_items("tasks", "task_key")),
    ("a CircleCI configuration", _has("version", "jobs", "workflows")),
    ("an Azure pipeline", _has_items("jobs", "job")),
    ("a Concourse pipeline", _has("resources", "jobs")),
    ("a Kubernetes manifest", _has("apiVersion", "kind")),
    ("a Compose file", _is_compose),
)
