"""Resolves requirements to a lock, with uv: once, at push."""

from __future__ import annotations

import re
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from airfleet.errors import FileProblems, Place, Problem
from airfleet.releases.environments import installed, lock, uv_program
from airfleet.releases.environments.lock import Lock, Pin

#: the requirements of a project: the first of these that lies beside the pipelines folder
USUAL: Final = ("pylock.toml", "uv.lock", "requirements.lock", "requirements.txt", "pyproject.toml")
_COMPILE: Final = (
    "pip", "compile", "--generate-hashes", "--only-binary", ":all:", "--no-header", "--no-annotate",
    "--no-emit-index-url", "--no-emit-find-links", "--no-emit-package", installed.AIRFLEET,
)  # fmt: skip
_TAKES_IN: Final = re.compile(r"^\s*(-r|-c|--requirement|--constraint|-e|\.)", re.MULTILINE)
_DEPENDS: Final = re.compile(r"(?:Because|because|and) (?!only )(\S+) depends on (.+?)(?=,|;| and )", re.DOTALL)
_REQUIRE: Final = re.compile(r"you require (.+?), we can conclude", re.DOTALL)
_ABSENT: Final = re.compile(r"Because (.+?) and you require", re.DOTALL)


def usual(folder: Path) -> str | None:
    """Name the file of requirements that lies in a folder; None when there is none."""
    return next((name for name in USUAL if _has_requirements(folder / name)), None)


def _has_requirements(file: Path) -> bool:
    """Tell whether a file is there and requires something: many a pyproject.toml has tools alone."""
    if not file.is_file():
        return False
    if file.name != "pyproject.toml":
        return True
    try:
        return bool(tomllib.loads(file.read_text(encoding="utf-8")).get("project", {}).get("dependencies"))
    except ValueError:
        return True  # uv says what is wrong with it


def takes_in_others(file: Path) -> bool:
    """Tell whether a file of requirements takes in another one, which may change when it does not."""
    return _TAKES_IN.search(file.read_text(encoding="utf-8", errors="replace")) is not None


def resolve(file: Path, preferred: Mapping[str, str] | None = None) -> Lock:
    """Resolve a file of requirements to a lock.

    ``preferred`` are versions that stay where nothing speaks against them, those of an earlier lock, say; after them
    come those that are installed here. Raises FileProblems when the requirements cannot be met.
    """
    with tempfile.TemporaryDirectory(prefix="airfleet-") as scratch:
        folder = Path(scratch)
        installed.write_project(folder / installed.AIRFLEET)
        requirements, asked = _written_out(file, folder)
        output = folder / "locked.txt"
        kept = installed.versions() | dict(preferred or {})
        output.write_text("".join(f"{name}=={version}\n" for name, version in kept.items()), encoding="utf-8")
        base = folder / "base.in"
        base.write_text(f"{installed.AIRFLEET} @ {(folder / installed.AIRFLEET).as_uri()}\n", encoding="utf-8")
        try:
            uv_program.run(*_COMPILE, requirements, base, "-o", output, folder=file.parent)
            found = lock.pins(output.read_text(encoding="utf-8"))
        except uv_program.Failed as failed:
            raise FileProblems([_problem(file, failed)]) from None
        except lock.NotPinned as line:
            raise FileProblems([_without_hashes(file, str(line))]) from None
    return Lock(lock.here(), tuple(_narrowed(file, found, asked)))


def _written_out(file: Path, folder: Path) -> tuple[Path, tuple[Pin, ...]]:
    """Give the file that uv resolves, and what it asks for by hash."""
    if file.name == "pyproject.toml":
        return file, ()
    if file.name == "uv.lock":
        export = ("export", "--frozen", "--no-emit-project", "--no-dev", "--no-header", "--no-annotate")
        text = _of_uv(file, *export)
    elif file.name.startswith("pylock.") and file.suffix == ".toml":
        text = "".join(_of_pylock(_toml(file)))
    else:
        text = file.read_text(encoding="utf-8")
        return file, _hashed(text)
    requirements = folder / "requirements.txt"
    requirements.write_text(text, encoding="utf-8")
    return requirements, _hashed(text)


def _of_uv(file: Path, *arguments: str) -> str:
    try:
        return uv_program.run(*arguments, folder=file.parent)
    except uv_program.Failed as failed:
        raise FileProblems([_problem(file, failed)]) from None


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FileProblems([Problem(Place(str(file)), "", f"this is not TOML: {error}")]) from None


def _of_pylock(found: Mapping[str, Any]) -> Iterator[str]:
    """Write the packages of a pylock as pinned requirements."""
    for package in found.get("packages", ()):
        files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else [])]
        hashes = sorted(f"{kind}:{value}" for one in files for kind, value in one.get("hashes", {}).items())
        marker = f" ; {package['marker']}" if "marker" in package else ""
        head = f"{package['name']}=={package.get('version', '0')}{marker}"
        yield " \\\n    ".join([head, *(f"--hash={one}" for one in hashes)]) + "\n"


def _hashed(text: str) -> tuple[Pin, ...]:
    """Give the requirements of a text that name hashes; uv reads the rest."""
    try:
        return tuple(pin for pin in lock.pins(text) if pin.hashes)
    except lock.NotPinned:
        return ()


def _narrowed(file: Path, found: Iterable[Pin], asked: Iterable[Pin]) -> Iterator[Pin]:
    """Yield the pins, where the file asks for hashes, with no others."""
    wanted = {pin.name: pin.hashes for pin in asked}
    for pin in found:
        if pin.name not in wanted:
            yield pin
        elif pin.hashes & wanted[pin.name]:
            yield pin.only(wanted[pin.name])
        else:
            sentence = f"no file of {pin.name} {pin.version} in the index has a hash that this file names"
            raise FileProblems([Problem(_place(file, pin.name), "", sentence)])


def _problem(file: Path, failed: uv_program.Failed) -> Problem:
    """Say why requirements cannot be met: what they ask for, and what speaks against it."""
    said = " ".join(failed.said.split())
    required, depends, absent = _REQUIRE.search(said), _DEPENDS.search(said), _ABSENT.search(said)
    if required is None:
        return Problem(Place(str(file)), "", f"uv cannot resolve this: {failed.sentence}")
    requirement = required[1].removesuffix(f" and {installed.AIRFLEET}")
    if depends is None:
        sentence, hint = f"asks for {requirement}, but {absent[1] if absent else 'it cannot be had'}", None
    elif _is_needed(depends[1]):
        sentence = f"asks for {requirement}, but {depends[1]}, which attempts need, depends on {depends[2]}"
        hint = "ask for a version that suits both, or run these functions with 'isolation'"
    else:
        sentence, hint = f"asks for {requirement}, but {depends[1]} depends on {depends[2]}", None
    return Problem(_place(file, requirement), "", sentence, hint)


def _is_needed(pinned: str) -> bool:
    """Tell whether this is what airfleet brings, in the version that is installed."""
    name, _, version = pinned.partition("==")
    return installed.versions().get(lock.normal(name.partition("[")[0])) == version


def _without_hashes(file: Path, line: str) -> Problem:
    name = line.partition("@")[0].strip()
    sentence = f"'{name}' comes from an address; a release has distributions of an index alone, with their hashes"
    return Problem(_place(file, name), "", sentence, "build a wheel of it, and name its folder in UV_FIND_LINKS")


def _place(file: Path, requirement: str) -> Place:
    """Give the line of a file that speaks of a distribution; the first when none does."""
    name = lock.normal(re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0])
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    number = next((at for at, line in enumerate(lines, 1) if lock.normal(line.lstrip(" '\"")).startswith(name)), 1)
    return Place(str(file), number)
