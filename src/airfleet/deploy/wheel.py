"""The airfleet that runs here as a wheel, and the lock of what it needs.

It is made of the files of the package, so that a checkout is deployed as an installation is. The same files give the
same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path
from typing import Final

import airfleet

_NAME: Final = "airfleet"
_TIME: Final = (2020, 1, 1, 0, 0, 0)
_WHEEL: Final = "Wheel-Version: 1.0\nGenerator: airfleet deploy\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_LOCK: Final = "airfleet.lock"
_PACKAGE: Final = Path(airfleet.__file__).parent


@dataclass(frozen=True)
class Wheel:
    """A wheel of airfleet."""

    version: str
    content: bytes

    @property
    def file_name(self) -> str:
        return f"{_NAME}-{self.version}-py3-none-any.whl"

    @cached_property
    def digest(self) -> str:
        """The sha256 of it, as hexadecimal digits."""
        return hashlib.sha256(self.content).hexdigest()


@cache
def running() -> Wheel:
    """Pack the airfleet that runs here."""
    found = metadata.distribution(_NAME)
    version = airfleet.__version__
    info = {name: text for name in ("METADATA", "entry_points.txt") if (text := found.read_text(name))}
    described = {f"{_NAME}-{version}.dist-info/{name}": text.encode() for name, text in info.items()}
    return pack(version, {**dict(_package()), **described})


def _package() -> Iterator[tuple[str, bytes]]:
    """Yield the files of the package, without bytecode."""
    for path in sorted(_PACKAGE.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield f"{_NAME}/{path.relative_to(_PACKAGE).as_posix()}", path.read_bytes()


def pack(version: str, files: Mapping[str, bytes]) -> Wheel:
    """Pack files as a wheel, with its record."""
    info = f"{_NAME}-{version}.dist-info"
    whole = {**files, f"{info}/WHEEL": _WHEEL.encode()}
    lines = [f"{name},sha256={_base64(content)},{len(content)}" for name, content in whole.items()]
    whole[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,", ""]).encode()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in whole.items():
            entry = zipfile.ZipInfo(name, _TIME)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, content)
    return Wheel(version, stream.getvalue())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


def lock_text() -> str:
    """Read the lock with hashes that this airfleet was released with."""
    return (_PACKAGE / "deploy" / _LOCK).read_text(encoding="utf-8")
