"""A version: everything that one host gets but its Python environment, with a name made of its content."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from airfleet.deploy import layout
from airfleet.deploy.layout import Layout
from airfleet.deploy.remote import File, Files
from airfleet.deploy.secret_parts import Part
from airfleet.deploy.version_record import VersionRecord
from airfleet.deploy.wheel import Wheel
from airfleet.fleet.config.reader import FILE_NAME

#: the key of a record for everything that is not in fleet.yaml: secrets that it names, variables, signers
BESIDE: Final = "beside fleet.yaml"
_SHORT: Final = 12


@dataclass(frozen=True)
class Source:
    """The part that all hosts get alike; its ``repr`` shows no secret."""

    #: name beside fleet.yaml -> content: that file, its overlay, secrets that it names
    files: Files
    #: the overlay's name; empty for none
    overlay: str
    #: variables of the environment that fleet.yaml takes in
    variables: Mapping[str, str]
    #: folders that fleet.yaml names and that need not hold anything
    folders: tuple[str, ...]
    rules: Mapping[str, str]
    versions: Mapping[str, str]
    #: key of fleet.yaml with its overlay -> digest
    keys: Mapping[str, str]
    #: a lock of packages that hosts have beside airfleet's
    requirements: str = ""

    def __repr__(self) -> str:
        return f"Source({', '.join(self.files)})"


@dataclass(frozen=True)
class Version:
    """One host's version."""

    record: VersionRecord
    files: Files
    #: links of the folder that lead into the current version
    links: tuple[str, ...]
    folders: tuple[str, ...]
    part: Part

    def __repr__(self) -> str:
        return f"Version({self.record.name})"

    @property
    def name(self) -> str:
        return self.record.name


def environment_name(wheel: Wheel, locked: str, python: str) -> str:
    """Name the environment of this airfleet, with what it needs, on a minor version of Python."""
    text = f"{wheel.digest}\n{locked}"
    return f"{wheel.version}-py{python}-{hashlib.sha256(text.encode()).hexdigest()[:_SHORT]}"


def make(host: str, place: Layout, source: Source, environment: str, airfleet: str, part: Part) -> Version:
    """Make the version of a host."""
    command = File(_command(host, place, source, environment).encode(), 0o700)
    files = {**source.files, layout.COMMAND: command}
    beside = {name: file for name, file in files.items() if not _is_fleet_file(name, source.overlay)}
    keys = {**source.keys, BESIDE: _content(beside)}
    made = VersionRecord("", environment, airfleet, source.rules, source.versions, keys)
    named = replace(made, name=f"{airfleet}-{_digest(files, made, part)}")
    files = {**files, layout.RECORD: File(named.to_json().encode())}
    if part.text is not None:
        files = {**files, layout.PARCEL: File(part.text)}
    tops = dict.fromkeys(name.partition("/")[0] for name in (*source.files, layout.COMMAND))
    return Version(named, files, tuple(tops), source.folders, part)


def _command(host: str, place: Layout, source: Source, environment: str) -> str:
    """Write the command ``airfleet`` of the version: the program, with the variables of its fleet.yaml."""
    told = {"AIRFLEET_HOST": host, "AIRFLEET_PROJECT": place.folder, **source.variables}
    if source.overlay:
        told["AIRFLEET_ENV"] = source.overlay
    lines = [f"export {name}={shlex.quote(value)}" for name, value in told.items()]
    head = ("#!/bin/sh", "# Made by 'airfleet deploy': airfleet of this version, with what its fleet.yaml needs.")
    program = shlex.quote(f"{place.environment(environment)}/bin/airfleet")
    return "\n".join([*head, *lines, f'exec {program} "$@"', ""])


def _digest(files: Files, made: VersionRecord, part: Part) -> str:
    """Name the content; of secrets that fleet.yaml does not name, only which they are: values may be kept there."""
    text = "\n".join((made.to_json(), _content(files), *_sorted(part.names)))
    return hashlib.sha256(text.encode()).hexdigest()[:_SHORT]


def _content(files: Files) -> str:
    """Give a digest of files, with their names and modes."""
    found = hashlib.sha256()
    for name, file in sorted(files.items()):
        content = file.content.read_bytes() if isinstance(file.content, Path) else file.content
        found.update(f"\n{name} {file.mode} {hashlib.sha256(content).hexdigest()}".encode())
    return found.hexdigest()[:_SHORT]


def _is_fleet_file(name: str, overlay: str) -> bool:
    """Tell whether a file is fleet.yaml or its overlay, of which a record keeps each key."""
    return name == FILE_NAME or (bool(overlay) and name == f"fleet.{overlay}.yaml")


def _sorted(names: Iterable[str]) -> list[str]:
    return sorted(names)
