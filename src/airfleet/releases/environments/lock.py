"""A lock: every distribution of an environment with its version and hashes, as text that names the environment."""

from __future__ import annotations

import hashlib
import platform
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import metadata
from typing import Final

_PINNED: Final = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(\[[^]]*\])?==(?P<version>[^\s\\;]+)")
_HASH: Final = re.compile(r"--hash=(\S+)")


def normal(name: str) -> str:
    """Give the one spelling of a distribution's name.

    >>> normal("Flask_SQLAlchemy")
    'flask-sqlalchemy'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True)
class Pin:
    """One distribution of a lock; ``text`` is its part of it."""

    name: str
    version: str
    text: str

    @property
    def hashes(self) -> frozenset[str]:
        """The hashes of its files, each with its algorithm."""
        return frozenset(_HASH.findall(self.text))

    def only(self, hashes: frozenset[str]) -> Pin:
        """Give the same with no other hashes than these."""
        kept = sorted(self.hashes & hashes)
        head = f"{self.name}=={self.version}"
        return Pin(self.name, self.version, " \\\n    ".join([head, *(f"--hash={one}" for one in kept)]) + "\n")


@dataclass(frozen=True)
class Lock:
    """The parts of an environment, and what it is made for: one airfleet on one minor version of Python."""

    made_for: str
    pins: tuple[Pin, ...]

    @property
    def text(self) -> str:
        """The lock as it is stored: the same pins give the same bytes."""
        return f"# {self.made_for}\n" + "".join(pin.text for pin in sorted(self.pins, key=lambda pin: pin.name))

    @cached_property
    def digest(self) -> str:
        """The name of the environment: 64 hexadecimal digits."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def versions(self) -> Mapping[str, str]:
        """The version of each distribution."""
        return {pin.name: pin.version for pin in self.pins}


class NotPinned(ValueError):
    """A line of a lock that is not a version of a distribution; the message is the line."""


def read(text: str) -> Lock:
    """Read what :attr:`Lock.text` gives. Raises NotPinned."""
    head, _, rest = text.partition("\n")
    return Lock(head.removeprefix("# "), pins(rest))


def pins(text: str) -> tuple[Pin, ...]:
    r"""Read pinned requirements with their hashes. Raises NotPinned.

    >>> [(pin.name, pin.version, pin.hashes) for pin in pins("a==1 \\\n    --hash=sha256:0\nb==2\n")]
    [('a', '1', frozenset({'sha256:0'})), ('b', '2', frozenset())]
    """
    return tuple(_pin(block) for block in _blocks(text.splitlines()))


def _pin(block: str) -> Pin:
    found = _PINNED.match(block)
    if found is None:
        raise NotPinned(block.splitlines()[0].rstrip(" \\"))
    return Pin(normal(found["name"]), found["version"], block)


def _blocks(lines: Iterable[str]) -> list[str]:
    """Join each requirement with the lines that belong to it; comments and options belong to none."""
    blocks: list[str] = []
    for line in lines:
        if line[:1].isspace() and line.lstrip().startswith("--hash"):
            blocks[-1] += line + "\n"
        elif line.strip() and not line.lstrip().startswith(("#", "-")):
            blocks.append(line + "\n")
    return blocks


@cache
def here() -> str:
    """Describe what an environment of this installation is made for."""
    return f"airfleet {metadata.version('airfleet')}, Python {'.'.join(platform.python_version_tuple()[:2])}"
