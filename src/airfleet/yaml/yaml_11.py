"""Plain values as PyYAML reads them, by YAML 1.1: ``yes`` is true, ``0644`` octal, ``12:30`` the number 750."""

from __future__ import annotations

import functools
from typing import Any, Final

import yaml

_RESOLVER: Final[Any] = yaml.SafeLoader("")


@functools.lru_cache(maxsize=4096)
def scalar_value_11(text: str) -> object:
    """Read an unquoted value.

    >>> [scalar_value_11(text) for text in ("yes", "0644", "12:30", "1e3", "~", "2026-01-01")]
    [True, 420, 750, '1e3', None, datetime.date(2026, 1, 1)]
    """
    tag = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))
    try:
        value: object = _RESOLVER.construct_object(yaml.ScalarNode(tag, text))
    except (yaml.YAMLError, ValueError, OverflowError):
        return text
    finally:
        _RESOLVER.constructed_objects.clear()
    return value
