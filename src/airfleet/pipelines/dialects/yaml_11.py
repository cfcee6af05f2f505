"""Plain values as YAML 1.1 reads them, where that differs from YAML 1.2 and is meant: ``yes``, ``off``, ``0644``.

Minutes and seconds as one number (``12:30`` is 750 in YAML 1.1) are not: nobody means them.
"""

from __future__ import annotations

import re
from typing import Final

from airfleet.yaml.nodes import Scalar

_WORDS: Final = {
    **dict.fromkeys(("yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("no", "No", "NO", "off", "Off", "OFF"), False),
}
_OCTAL: Final = re.compile(r"[-+]?0[0-7_]{1,300}", re.ASCII)
_BINARY: Final = re.compile(r"[-+]?0b[01_]{1,1000}", re.ASCII)


def as_yaml_11(node: Scalar) -> Scalar:
    """Read an unquoted value again; all others are as they are.

    >>> from airfleet.errors import Place
    >>> [as_yaml_11(Scalar(text, text, Place("f"))).value for text in ("on", "0644", "12:30", "text")]
    [True, 420, '12:30', 'text']
    """
    if node.quoted:
        return node
    if node.text in _WORDS:
        return Scalar(_WORDS[node.text], node.text, node.place)
    if _OCTAL.fullmatch(node.text) and node.text.strip("+-0_"):
        return Scalar(int(node.text.replace("_", ""), 8), node.text, node.place)
    if _BINARY.fullmatch(node.text) and node.text.rstrip("_")[-1] in "01":
        return Scalar(int(node.text.replace("_", ""), 2), node.text, node.place)
    return node
