"""The form of a page about a code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Page:
    """The facts that a person should know of one kind of problem. Examples are whole files; a test checks them."""

    title: str
    why: str
    #: a file with a problem of this code; empty where no text of a file alone makes one
    wrong: str = ""
    #: the same without any problem
    right: str = ""
    #: the name of the file
    file: str = "pipelines/orders.yaml"
    #: other files that both need: name and text
    beside: Mapping[str, str] = field(default_factory=dict)
