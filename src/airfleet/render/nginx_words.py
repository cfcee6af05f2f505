"""Words and blocks of nginx's language, with the refusal of every value that would end one."""

from __future__ import annotations

import re
from typing import TypeAlias

from airfleet.errors import FleetError

Lines: TypeAlias = list[str]


def block(head: str, body: Lines) -> Lines:
    """Write a block, its body indented."""
    return [f"{head} {{", *(f"    {line}" if line else "" for line in body), "}"]


def word(text: str) -> str:
    """Check a value that needs no quotes. Raises FleetError for characters that would end it."""
    if re.search(r"[\s;{}\"'\\$#]", text):
        raise FleetError(f"{text!r} cannot stand in nginx.conf")
    return text


def quoted(text: str, *, variables: bool = False) -> str:
    """Quote a value with spaces, ``;`` or quotes in it. Raises FleetError when that is impossible."""
    if re.search(r"[\n\r\0\"\\]", text) or ("$" in text and not variables):
        raise FleetError(f"{text!r} cannot stand in nginx.conf")
    return f'"{text}"'


def file(path: str) -> str:
    """Quote the name of a file. Raises FleetError when nginx has no way to write it."""
    if re.search(r"[\n\r\0$]", path):  # it would take what follows the $ for a variable, and knows no escape
        hint = "give the file, or the folder above it, a name without '$', or name a link to it in proxy.tls"
        raise FleetError(f"{path!r} cannot stand in nginx.conf", hint=hint)
    escaped = re.sub(r'(["\\])', r"\\\1", path)
    return f'"{escaped}"'


def pattern(path: str) -> str:
    """Escape a path for a regular expression."""
    return re.escape(path.rstrip("/"))
