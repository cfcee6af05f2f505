"""Function tasks in a container: the project's modules are sent with the call, so an image needs Python alone. [A]

Airflow's decorators send the source of one function. Here they send
:func:`~airfleet.pipelines.airflow.functions.runner.run_function` with the sources of the function's module and of
everything of the project that it imports, as found by reading. Files that are no modules are not sent: an image, or a
volume, has them.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from airflow.sdk import BaseOperator

from airfleet.pipelines.airflow.airflow_values import MARKERS, environment, has_marker, literal_argument, lower
from airfleet.pipelines.airflow.build_context import BuildContext
from airfleet.pipelines.airflow.functions.isolated import of_context, source_of_runner
from airfleet.pipelines.airflow.functions.runner import any_arguments
from airfleet.pipelines.airflow.operator_classes import Arguments, NotImported, arguments, imported
from airfleet.pipelines.analysis import short_names, well_known
from airfleet.pipelines.analysis.annotations import is_mapping_of_texts
from airfleet.pipelines.analysis.project_modules import sources
from airfleet.pipelines.language.function_options import PROVIDER_OF
from airfleet.pipelines.language.spec import Isolation, IsolationKind, NewObject, Task, Value
from airfleet.problem_codes import Code

#: kind -> Airflow's class behind @task.docker and @task.kubernetes
DECORATORS: Final[dict[IsolationKind, str]] = {
    "docker": "airflow.providers.docker.decorators.docker._DockerDecoratedOperator",
    "kubernetes": "airflow.providers.cncf.kubernetes.decorators.kubernetes._KubernetesDecoratedOperator",
}


def operator_of(
    isolation: Isolation, task: Task, context: BuildContext, root: Path
) -> tuple[type[BaseOperator], Mapping[str, Any]] | None:
    """Give the operator of a function in a container, and its arguments; None when its provider is not there."""
    path = f"{task.path}.isolation"
    try:
        decorator = imported(DECORATORS[isolation.kind])
    except NotImported as error:
        provider = PROVIDER_OF[isolation.kind]
        sentence, hint = error.args[:2] if short_names.is_installed(provider) else well_known.missing(provider)
        context.wrong(f"{path}.{isolation.kind}", sentence, hint, code=Code.UNKNOWN_OPERATOR)
        return None
    assert isinstance(decorator, type)
    takes = arguments(decorator)
    given = {name: _lowered(name, value, takes, path, context) for name, value in isolation.options.items()}
    return _in_container(decorator), {"folders": (str(root),), **given}


def _lowered(name: str, value: Value, takes: Arguments, path: str, context: BuildContext) -> Any:
    annotation = takes.annotations.get(name, "")
    if isinstance(value, Mapping) and (is_mapping_of_texts(annotation) or name in ("env_vars", "environment")):
        return environment(value, f"{path}.{name}", context)
    if has_marker(value, (*MARKERS, NewObject)):
        return lower(value, f"{path}.{name}", context, guard=False)
    return literal_argument(value, annotation, f"{path}.{name}", context)


@functools.cache
def _in_container(decorator: type) -> type[BaseOperator]:
    """Make the class of the tasks that send a function of the project by one of Airflow's decorators."""

    class InContainer(decorator):  # type: ignore[misc]
        """Runs a function of the project in a container."""

        def __init__(self, *, function: str, folders: tuple[str, ...] = (), **kwargs: Any) -> None:
            kwargs.setdefault("python_callable", any_arguments)
            super().__init__(**kwargs)
            self.function = function
            self.folders = tuple(folders)

        def execute(self, context: Any) -> Any:
            """Send the project's modules, the arguments and what the function names of the context."""
            given: dict[str, Any] = dict(vars(self)["op_kwargs"])
            self.op_kwargs = {
                "written": self.function,
                "folders": [],
                "files": dict(sources(self.function.partition(":")[0], Path(self.folders[0]))),
                "arguments": given,
                "context": _plain(of_context(self.function, self.folders, context, given)),
            }
            return super().execute(context)

        def get_python_source(self) -> str:
            """Give the source of the function that imports the task's own there."""
            return f"{source_of_runner()}\n\nany_arguments = run_function\n"

    InContainer.__name__ = InContainer.__qualname__ = decorator.__name__.strip("_").replace("Decorated", "Function")
    return InContainer


#: what any Python reads
_PLAIN: Final = (str, int, float, bool, dt.date, type(None))


def _plain(context: Mapping[str, Any]) -> dict[str, Any]:
    """Give what any Python can read: dates as those of the standard library, other objects not at all."""
    found = {name: _without_pendulum(value) for name, value in context.items()}
    return {name: value for name, value in found.items() if _is_plain(value)}


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_plain(key) and _is_plain(item) for key, item in value.items())
    return all(map(_is_plain, value)) if isinstance(value, list | tuple) else isinstance(value, _PLAIN)


def _without_pendulum(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return dt.datetime.fromisoformat(value.isoformat())
    return dict(value) if isinstance(value, Mapping) else value
