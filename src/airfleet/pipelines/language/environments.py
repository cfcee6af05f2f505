"""Arguments that are the environment of a process: their values become text, for a process knows nothing else.

The reader takes literals as they are written (``007`` stays ``007``); what a task returns or Jinja gives becomes text
when the task runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

#: The arguments of Airflow's operators for commands and containers.
NAMES: Final = frozenset({"env", "env_vars", "environment", "environment_vars", "private_environment"})


def is_environment(operator: str, argument: str) -> bool:
    """Tell whether an argument of the operator at an import path is an environment, by its name."""
    return operator.startswith("airflow.") and argument in NAMES


def as_text(value: object) -> str:
    """Write a value of a task or of Jinja as an environment has it.

    >>> [as_text(value) for value in (5, True, None, "007", [1, "a"], {"a": None})]
    ['5', 'true', '', '007', '[1, "a"]', '{"a": null}']
    """
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).lower()
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


@dataclass(frozen=True)
class Late:
    """A value that is rendered and made text right before the task runs: one value, or as ``whole`` the environment."""

    inner: Any
    whole: bool = False

    def resolve(self, context: Mapping[str, Any]) -> Any:
        """Render the value; Airflow calls this where it would render text."""
        value = context["task"].render_template(self.inner, context)
        if self.whole and isinstance(value, Mapping):
            return {str(name): as_text(one) for name, one in value.items()}
        return value if self.whole else as_text(value)

    def __str__(self) -> str:
        return str(self.inner)
