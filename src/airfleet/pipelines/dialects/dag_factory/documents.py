"""A document of dag-factory as documents of ours: one for each Dag."""

from __future__ import annotations

from collections.abc import Iterator

from airfleet.pipelines.dialects.dag_factory import defaults
from airfleet.pipelines.dialects.dag_factory.dags import DagTranslation
from airfleet.pipelines.dialects.translation import Translation, with_scalars
from airfleet.pipelines.files.dag_factory_files import DEFAULT
from airfleet.yaml.nodes import Mapping, Node, Scalar

#: arguments whose names of the environment are those of a shell
_SHELL = frozenset({"bash_command"})


def documents(
    document: Mapping, translation: Translation, outer: Mapping | None = None, only: str | None = None
) -> Iterator[Mapping]:
    """Yield a document of ours for each Dag of theirs, or for the one that is called ``only``.

    ``outer`` is what ``defaults.yml`` above the file says.
    """
    environment = translation.environment

    def change(key: str, node: Scalar) -> Scalar:
        return node if key in _SHELL else environment.value(node)

    default = document.get(DEFAULT)
    shared = _changed(default, change)
    if outer is not None:
        shared = defaults.merged(shared, outer) if shared is not None else outer
    for key, node in document.entries:
        name = environment.text(key.text) if "$" in key.text else key.text
        if key.text in (DEFAULT, "task_groups") or only not in (None, name):
            continue
        own = _changed(node, change)
        if own is None:
            if not _is_parked(node):
                translation.problem(node, key.text, "a Dag must be a mapping")
            continue
        whole = defaults.merged(own, shared) if shared is not None else own
        yield DagTranslation(Scalar(name, name, key.place, quoted=True), whole, translation).document()


def _changed(node: Node | None, change: object) -> Mapping | None:
    found = with_scalars(node, change) if isinstance(node, Mapping) else None  # type: ignore[arg-type]
    return found if isinstance(found, Mapping) else None


def _is_parked(node: Node) -> bool:
    """Tell whether a value is no Dag, and is only there for its anchor."""
    return not isinstance(node, Scalar) or node.value is not None
