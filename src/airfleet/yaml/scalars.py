"""Values of unquoted YAML scalars: YAML 1.2's core schema, with grouped digits and dates."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

_WORDS: Final[dict[str, object]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((f"{s}{w}" for s in ("", "+") for w in (".inf", ".Inf", ".INF")), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
#: Only these can begin a number or a date; everything else is text at one look.
_NUMBER_STARTS: Final = frozenset("0123456789+-.")
_INTEGER = re.compile(r"[-+]?[0-9]+\Z|[-+]?[0-9]{1,3}(?:_[0-9]{3})+\Z", re.ASCII)
# Shorter than what Python refuses to print (4,300 decimal digits).
_OCTAL_HEX = re.compile(r"0o[0-7]{1,3000}\Z|0x[0-9a-fA-F]{1,3000}\Z")
_DECIMAL = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?|[0-9]{1,3}(?:_[0-9]{3})+\.[0-9]*)(?:[eE][-+]?[0-9]+)?\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_DATE_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[Tt]|[ \t]+)([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,6})?"
    r"[ \t]*(Z|[-+][0-9]{2}(?::?[0-9]{2})?)?\Z"
)


def scalar_value(text: str) -> object:
    """Read an unquoted YAML value.

    >>> [scalar_value(t) for t in ("yes", "250_000", "0o17", "12:30", "1e3", "~")]
    ['yes', 250000, 15, '12:30', 1000.0, None]
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    try:
        return _number_or_date(text)
    except ValueError:  # there is no 31st of June, and no int of 10,000 digits
        return text


def _number_or_date(text: str) -> object:
    if _INTEGER.match(text):
        return int(text)
    if _OCTAL_HEX.match(text):
        return int(text, 0)
    if _DECIMAL.match(text):
        return float(text)
    if _DATE.match(text):
        return dt.date.fromisoformat(text)
    if match := _DATE_TIME.match(text):
        day, time, fraction, zone = match.groups()
        return dt.datetime.fromisoformat(f"{day}T{time}{fraction or ''}{zone or ''}")
    return text
