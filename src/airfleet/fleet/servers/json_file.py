"""JSON files of a fleet, which may be damaged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from airfleet.errors import FleetError

T = TypeVar("T", int, str)


def read(path: Path, kind: type[T], hint: str) -> dict[str, T]:
    """Read the values of ``kind`` in the mapping at ``path``; an empty one when there is no file.

    Raises FleetError, with ``hint``, when it cannot be read or is no such mapping.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as wrong:
        raise FleetError(f"{path} cannot be read: {wrong.strerror}") from None
    except ValueError:
        raise _damaged(path, hint) from None
    if not isinstance(found, dict) or not all(type(value) is kind for value in found.values()):
        raise _damaged(path, hint)
    return found


def text(values: Mapping[str, T]) -> str:
    """Write a mapping for :func:`read`."""
    return json.dumps(dict(values), indent=1) + "\n"


def _damaged(path: Path, hint: str) -> FleetError:
    return FleetError(f"{path} is damaged: it is not what airfleet has written there", hint=hint)
