"""Downloads the wheels of the lock, for hosts that reach no registry; each is proved by its hash."""

from __future__ import annotations

import hashlib
import os
import tempfile
import tomllib
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urljoin, urlsplit

from packaging.tags import Tag, compatible_tags, cpython_tags, platform_tags

from airfleet.deploy.remote import File, Files
from airfleet.errors import FleetError
from airfleet.releases.environments import lock, uv_program, wheels

_AT_ONCE: Final = 8


def download(locked: str, python: str) -> Files:
    """Download the wheels of a lock for a minor version of Python on a machine like this one. Raises FleetError."""
    cache = _cache()
    tags = tags_of(python)
    # A lock for several Pythons names some distributions twice, in one version for each.
    hashes = {(pin.name, pin.version): pin.hashes for pin in lock.pins(locked)}

    def fetch(package: Mapping[str, Any]) -> Path:
        return _fetched(package, tags, cache, hashes[lock.normal(package["name"]), package["version"]])

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return {f"wheels/{file.name}": File(file) for file in pool.map(fetch, _packages(locked, python))}


def tags_of(python: str) -> list[Tag]:
    """List the tags of wheels for a minor version of Python, the best first."""
    version = tuple(int(part) for part in python.split("."))
    platforms = list(platform_tags())
    own = cpython_tags(version, platforms=platforms)
    return [*own, *compatible_tags(version, f"cp{''.join(map(str, version))}", platforms)]


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "airfleet" / "wheels"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _packages(locked: str, python: str) -> tuple[Mapping[str, Any], ...]:
    """Ask uv where the files of the lock are; paths are relative to the folder of the answer."""
    with tempfile.TemporaryDirectory(prefix="airfleet-") as scratch:
        folder = Path(scratch)
        (folder / "requirements.txt").write_text(locked, encoding="utf-8")
        options = ("--no-deps", "--format", "pylock.toml", "--only-binary", ":all:", "--python-version", python)
        try:
            uv_program.run("pip", "compile", *options, "-o", "pylock.toml", "requirements.txt", folder=folder)
        except uv_program.Failed as failed:
            raise FleetError(f"the locked wheels cannot be found; uv says: {failed.sentence}") from None
        text = (folder / "pylock.toml").read_text(encoding="utf-8")
        return tuple(_absolute(one, folder) for one in tomllib.loads(text)["packages"])


def _absolute(package: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    wheels_of = [
        {**wheel, "url": wheel["url"] if "url" in wheel else urljoin(folder.as_uri() + "/", wheel["path"])}
        for wheel in package.get("wheels", ())
    ]
    return {**package, "wheels": wheels_of}


def _fetched(package: Mapping[str, Any], tags: Sequence[Tag], cache: Path, hashes: Collection[str]) -> Path:
    """Give the best wheel of a distribution, from the cache or its address. Raises FleetError."""
    address = wheels.best((wheel["url"] for wheel in package["wheels"]), tags)
    if address is None:
        raise FleetError(f"{package['name']} {package.get('version', '')} has no wheel for this kind of machine")
    target = cache / unquote(urlsplit(address).path.rpartition("/")[2])
    if not _is_one_of(target, hashes):
        _load(address, target)
    if not _is_one_of(target, hashes):
        target.unlink(missing_ok=True)
        raise FleetError(f"the wheel {target.name} that was downloaded is not the one of the lock")
    return target


def _load(address: str, target: Path) -> None:
    """Download a wheel to its place in the cache, whole or not at all."""
    part = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        wheels.load(address, part)
    except FleetError:
        part.unlink(missing_ok=True)
        raise
    part.replace(target)


def _is_one_of(file: Path, hashes: Collection[str]) -> bool:
    return file.is_file() and f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}" in hashes
