"""Wheels that are made here, so that nothing has to be downloaded, and locks of them."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from airfleet.releases.environments import installed, layout, lock
from airfleet.releases.environments.lock import Lock, Pin


def make_wheel(folder: Path, name: str, version: str, files: Mapping[str, str], requires: tuple[str, ...] = ()) -> Pin:
    """Write a wheel with these files into a folder; return how a lock names it."""
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
    contents = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_encoded(text)},{len(text.encode())}\n" for path, text in contents.items())
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for path, text in {**contents, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0)), text)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return Pin(lock.normal(name), version, f"{lock.normal(name)}=={version} \\\n    --hash=sha256:{digest}\n")


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def lock_of(*pins: Pin) -> Lock:
    """Lock these beside what an attempt needs, in the versions that are installed here."""
    others = sorted(installed.needed() - {installed.AIRFLEET, *(pin.name for pin in pins)})
    here = (Pin(name, metadata.version(name), f"{name}=={metadata.version(name)}\n") for name in others)
    return Lock(lock.here(), (*here, *pins))


def write_lock(tree: Path, found: Lock) -> str:
    """Write a lock into a release; return its digest."""
    path = tree / layout.lock_path(found.digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(found.text, encoding="utf-8")
    return found.digest
