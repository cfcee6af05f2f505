"""A task whose work is done in another language: it is there in the Dag, and no worker of Python can run it."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Mapping
from typing import Any

from airflow.providers.standard.decorators.stub import _StubOperator


class LanguageTask(_StubOperator):
    """``run: {…}`` of Airflow's YAML: what ``@task.stub`` makes of a function with these parameters."""

    def __init__(self, *, op_kwargs: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        given = dict(op_kwargs or {})
        super().__init__(python_callable=_with_parameters(tuple(given)), op_kwargs=given, **kwargs)


def _with_parameters(names: tuple[str, ...]) -> Callable[..., None]:
    """Make an empty function with these parameters; its source can be read, as Airflow does."""
    if wrong := [name for name in names if not name.isidentifier()]:
        raise ValueError(f"'{wrong[0]}' is not the name of an argument")
    source = f"def _stub({', '.join(names)}):\n    ...\n"
    file = f"<run ({', '.join(names)})>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    namespace: dict[str, Any] = {}
    exec(compile(source, file, "exec"), namespace)  # of nothing but names
    made: Callable[..., None] = namespace["_stub"]
    return made
