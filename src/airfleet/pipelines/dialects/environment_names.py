"""``$NAME`` and ``${NAME}`` in values of other formats: the environment of the process that reads them.

A name that the environment does not have stays as it is written. So does a name in a command of a shell that has the
environment of its worker: the shell knows it better than the process that reads the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as AbstractMapping
from typing import Final

from airfleet.pipelines.dialects.yaml_11 import as_yaml_11
from airfleet.yaml.nodes import Scalar
from airfleet.yaml.scalars import scalar_value

_NAME: Final = re.compile(r"\$(?:(\w+)|\{(\w+)\})", re.ASCII)


class Environment:
    """An environment: it gives each name its value."""

    def __init__(self, environ: AbstractMapping[str, str] | None) -> None:
        #: None: names become ``${{ env.NAME }}``, for a file that is written and not read
        self.environ = environ

    def value(self, node: Scalar) -> Scalar:
        """Put in the names of a value; an unquoted one is read anew, as it would be without them."""
        if "$" not in node.text:
            return as_yaml_11(node)
        found = self.text(node.text)
        if found == node.text:
            return node
        if node.quoted or "${{" in found:
            return Scalar(found, found, node.place, quoted=True)
        return as_yaml_11(Scalar(scalar_value(found), found, node.place))

    def text(self, written: str) -> str:
        """Put the names in a text."""
        if self.environ is None:
            return _NAME.sub(_as_expression, written.replace("${{", "$${{"))
        return _escaped(_NAME.sub(self._found, written))

    def shell(self, command: str, own: frozenset[str] | None) -> str:
        """Put in the names of a shell's command that the shell does not put in itself.

        These stand in single quotes, or are names that an environment of the task's own (``own``) does not have.
        """

        def of_shell(match: re.Match[str]) -> str:
            known = own is None or (match[1] or match[2]) in own
            return match[0] if known else self._anywhere(match)

        quoted = False
        parts = []
        for part in _QUOTES.findall(command):
            quoted ^= part == "'"
            parts.append(_NAME.sub(self._anywhere if quoted else of_shell, part))
        return "".join(parts) if self.environ is None else _escaped("".join(parts))

    def _anywhere(self, match: re.Match[str]) -> str:
        return _as_expression(match) if self.environ is None else self._found(match)

    def _found(self, match: re.Match[str]) -> str:
        assert self.environ is not None
        return self.environ.get(match[1] or match[2], match[0])


#: parts of a shell's command: a single quote, a double-quoted text, a character behind a backslash, and the rest
_QUOTES: Final = re.compile(r"""'|\\.|"(?:[^"\\]|\\.)*"|[^'"\\]+|["\\]""", re.DOTALL)


def _as_expression(match: re.Match[str]) -> str:
    name = match[1] or match[2]
    return match[0] if name[0].isdigit() else f"${{{{ env.{name} or '{match[0]}' }}}}"


def _escaped(text: str) -> str:
    """Write ``${{`` so that it stays, for nothing of another format is an expression of ours."""
    return text.replace("${{", "$${{")
