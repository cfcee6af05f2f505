"""Downloads the wheels of a lock at push, for hosts that reach no index."""

from __future__ import annotations

import hashlib
import shutil
import tomllib
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urljoin, urlsplit

from packaging.tags import Tag, sys_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from airfleet.errors import FleetError
from airfleet.releases.environments import installed, layout, uv_program
from airfleet.releases.environments.lock import Lock, Pin, normal

_SECONDS: Final = 300.0


def download(locks: Sequence[Lock], folder: Path) -> dict[str, Path]:
    """Download the wheels of all distributions that this installation has not in the locked version.

    Returns their paths in the release. Raises FleetError when a wheel cannot be had.
    """
    here = installed.versions()
    pins = (pin for found in locks for pin in found.pins)
    missing = {(pin.name, pin.version): pin for pin in pins if here.get(pin.name) != pin.version}
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, Path] = {}
    for pin in missing.values():
        file = _fetch(pin, folder)
        found[f"{layout.WHEELS}/{file.name}"] = file
    return found


def _fetch(pin: Pin, folder: Path) -> Path:
    """Fetch the best wheel of one distribution, and prove that it is one of the lock."""
    address = best(_addresses(pin, folder), list(sys_tags()))
    if address is None:
        raise FleetError(f"{pin.name} {pin.version} has no wheel for this platform")
    target = folder / unquote(urlsplit(address).path.rpartition("/")[2])
    load(address, target)
    if f"sha256:{hashlib.sha256(target.read_bytes()).hexdigest()}" not in pin.hashes:
        raise FleetError(f"the wheel {target.name} that was downloaded is not the one of the lock")
    return target


def load(address: str, target: Path) -> None:
    """Download one wheel to a path. Raises FleetError."""
    try:
        with urllib.request.urlopen(address, timeout=_SECONDS) as answer, open(target, "wb") as file:
            shutil.copyfileobj(answer, file)
    except OSError as error:
        raise FleetError(f"the wheel {target.name} cannot be downloaded: {error}") from None


def _addresses(pin: Pin, folder: Path) -> Iterator[str]:
    """Yield the addresses of the wheels of a distribution, as uv knows them."""
    requirement, output = folder / "requirement.txt", folder / "pylock.toml"
    requirement.write_text(f"{pin.name}=={pin.version}\n", encoding="utf-8")
    try:
        options = ("--no-deps", "--format", "pylock.toml", "--only-binary", ":all:", "-o", output)
        uv_program.run("pip", "compile", *options, requirement, folder=folder)
        packages: Iterable[Mapping[str, Any]] = tomllib.loads(output.read_text(encoding="utf-8"))["packages"]
    except uv_program.Failed as failed:
        raise FleetError(f"the wheel of {pin.name} {pin.version} cannot be found; uv says: {failed.sentence}") from None
    finally:
        for file in (requirement, output):
            file.unlink(missing_ok=True)
    for package in packages:
        if normal(package["name"]) == pin.name:
            for wheel in package.get("wheels", ()):
                yield wheel["url"] if "url" in wheel else urljoin(folder.as_uri() + "/", wheel["path"])


def best(addresses: Iterable[str], tags: Sequence[Tag]) -> str | None:
    """Give the address of the wheel that suits this platform best."""
    places = {tag: number for number, tag in enumerate(tags)}
    ranked: list[tuple[int, str]] = []
    for address in addresses:
        try:
            of_wheel = parse_wheel_filename(unquote(urlsplit(address).path.rpartition("/")[2]))[3]
        except InvalidWheelFilename:
            continue
        ranked += [(places[tag], address) for tag in of_wheel if tag in places]
    return min(ranked)[1] if ranked else None
