"""``fleet.yaml`` as a :class:`~airfleet.fleet.config.spec.Fleet`, or every problem in it at once.

With ``AIRFLEET_ENV=prod`` in the environment, ``fleet.prod.yaml`` is laid over it (see
:mod:`airfleet.fleet.config.overlays`); a problem is said at its place in the file that has it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from airfleet.errors import FileProblems, Place, Problem, did_you_mean
from airfleet.fleet.config import airflow_reader, checks, hosts_reader, objects_reader, overlays, servers_reader
from airfleet.fleet.config.interpolation import FOLDER, References, variables_in
from airfleet.fleet.config.keys import COMPONENTS, FLEET, POLICIES, PUSH
from airfleet.fleet.config.section_reader import FleetReading, Section, joined
from airfleet.fleet.config.spec import Fleet, Policies, Profile, PushPolicy
from airfleet.problem_codes import Code
from airfleet.yaml import nodes

FILE_NAME = "fleet.yaml"
#: names the overlay
ENVIRONMENT = "AIRFLEET_ENV"

_ENVIRONMENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_VARIABLE_NAME = re.compile(r"[^=\0]+")
_WITNESS = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})")


@dataclass(frozen=True)
class ReferencedVariables:
    """Names of variables of the environment to which a fleet's files refer."""

    #: below ``env``: handed to tasks, if only by another name
    for_tasks: frozenset[str]
    #: anywhere else: for the agent, and nothing that it starts
    for_the_fleet: frozenset[str]


@dataclass(frozen=True)
class Document:
    """The files of a fleet as one tree of nodes."""

    top: nodes.Node
    #: every file it is made of
    files: tuple[str, ...]


def read_file(
    path: Path, environ: Mapping[str, str], *, lenient: bool = False, drafts: Mapping[Path, str] | None = None
) -> Fleet:
    """Read the fleet of ``path`` and its overlay. Raises FileProblems with all problems in them.

    ``lenient``: variables and secrets that are not there are read as ``***``, to show a fleet elsewhere. ``drafts`` are
    texts that files shall have, read in place of what they hold.
    """
    document = load_files(path, environ, drafts)
    fleet, problems = interpreted(document, environ, path.absolute().parent, lenient=lenient)
    if problems or fleet is None:
        raise FileProblems(problems)
    return fleet


def referenced_variables(path: Path, environ: Mapping[str, str]) -> ReferencedVariables:
    """List the variables that ``path`` and its overlay use, also where one replaces a value of the other.

    Raises FileProblems when one of them cannot be read or is no YAML.
    """
    tops = [_loaded(text, str(file)) for file in _files(path, environ) for text in [_text(file)]]
    return ReferencedVariables(
        for_tasks=frozenset().union(*(_variables_of(top, lambda key: key == "env") for top in tops)),
        for_the_fleet=frozenset().union(*(_variables_of(top, lambda key: key != "env") for top in tops)),
    )


def _loaded(text: str, file: str) -> nodes.Node:
    top, problems = _document(text, file)
    if problems:
        raise FileProblems(problems)
    return top


def _variables_of(top: nodes.Node, is_chosen: Callable[[str], bool]) -> frozenset[str]:
    entries = top.entries if isinstance(top, nodes.Mapping) else ()
    texts = (text for key, value in entries if is_chosen(key.text) for text in nodes.texts(value))
    return frozenset().union(*map(variables_in, texts))


def load_files(path: Path, environ: Mapping[str, str], drafts: Mapping[Path, str] | None = None) -> Document:
    """Lay the overlay over ``fleet.yaml``. Raises FileProblems when one cannot be read or is no YAML."""
    known = drafts or {}
    files = {str(file): known[file] if file in known else _text(file) for file in _files(path, environ)}
    loaded = [_document(text, file) for file, text in files.items()]
    if problems := [problem for _, found in loaded for problem in found]:
        raise FileProblems(problems)
    top = loaded[0][0]
    for over, _ in loaded[1:]:
        top = overlays.merged(top, over)
    return Document(top, tuple(files))


def read(text: str, file: str, environ: Mapping[str, str], root: Path) -> tuple[Fleet | None, tuple[Problem, ...]]:
    """Read the fleet in ``text`` and the problems in it; with problems there is no fleet."""
    top, problems = _document(text, file)
    return (None, problems) if problems else interpreted(Document(top, (file,)), environ, root)


def interpreted(
    document: Document, environ: Mapping[str, str], root: Path, *, lenient: bool = False
) -> tuple[Fleet | None, tuple[Problem, ...]]:
    """Read the fleet of a document, and its problems; with problems there is no fleet."""
    reading = FleetReading(references=References(environ, root / FOLDER, lenient))
    fleet = _fleet(reading.section(document.top, "", FLEET), root)
    reading.problems += _across(fleet, document.top, reading)
    return (None if reading.problems else fleet), tuple(reading.problems)


def _across(fleet: Fleet, top: nodes.Node, reading: FleetReading) -> list[Problem]:
    """Find conflicts between values, except those that may follow from the problem of one value."""
    blamed = {_top_key(problem) for problem in reading.problems}
    if blamed & {"hosts", *COMPONENTS} or not blamed <= FLEET.keys():
        return []
    reading.note_places(top, "")
    found = (conflict for conflict in checks.check(fleet, reading.places) if _is_known(conflict, reading))
    return [conflict.problem for conflict in found if _top_key(conflict.problem) not in blamed]


def _is_known(conflict: checks.Conflict, reading: FleetReading) -> bool:
    return not any(map(reading.is_hidden, conflict.repeats))


def _top_key(problem: Problem) -> str:
    return re.split(r"[.\[]", problem.path, maxsplit=1)[0]


def _fleet(top: Section, root: Path) -> Fleet:
    _use_secrets_of(top, root)
    fleet = Fleet(
        name=top.name("name", root.name or "airfleet"),
        root=str(root),
        pipelines=_pipelines(top, root),
        hosts=hosts_reader.hosts(top),
        profile=_profile(top),
        database=servers_reader.database(top),
        broker=servers_reader.broker(top),
        proxy=servers_reader.proxy(top, root),
        flower=servers_reader.flower(top),
        policies=_policies(top),
        releases=servers_reader.releases(top, root),
        deploy=servers_reader.deploy(top),
        secrets_folder=str(top.reading.references.folder),
        witness=_witness(top),
        production=top.boolean("production", False),
        log_retention_seconds=top.duration("log_retention"),
        user=top.name("user", "admin"),
        task_user=top.name("task_user", "") or None,
        vars=_variables(top, "vars"),
        environment=_environment(top),
        objects=objects_reader.objects(top),
    )
    settings, secret_settings = airflow_reader.airflow(top, fleet.user)
    return replace(fleet, airflow=settings, secret_settings=secret_settings)


def _use_secrets_of(top: Section, root: Path) -> None:
    # First of all: every other value may lie there.
    references = top.reading.references
    folder = root / top.text("secrets", FOLDER)
    top.reading.references = References(references.environ, folder, references.lenient)


def _pipelines(top: Section, root: Path) -> str:
    folder = top.text("pipelines", "pipelines")
    # A host that gets its code by releases needs no such folder.
    is_judged = not (top.reading.is_wrong("pipelines") or top.reading.is_hidden(folder) or "releases" in top)
    if "pipelines" in top and is_judged and not os.path.isdir(root / folder):
        top.wrong("pipelines", f"there is no folder '{folder}' beside {FILE_NAME}")
    return folder


def _profile(top: Section) -> Profile | None:
    found: Profile = top.choice("profile", "standard")
    return found if top.get("profile") is not None else None


def _policies(top: Section) -> Policies:
    node = top.get("policies")
    if node is None:
        return Policies()
    keys = top.reading.section(node, "policies", POLICIES)
    usual = Policies()
    return Policies(
        keys.choice("on_partition", usual.on_partition),
        keys.choice("on_worker_lost", usual.on_worker_lost),
        _push(keys, top),
    )


def _push(policies: Section, top: Section) -> PushPolicy:
    node = policies.get("push")
    if node is None:
        return PushPolicy()
    keys = top.reading.section(node, policies.at("push"), PUSH)
    return PushPolicy(keys.integer("approval") or 0, _signed_by(keys, top))


def _signed_by(keys: Section, top: Section) -> str:
    """Read the file of allowed signers. Whether it is there is for ``airfleet check`` to say: a fleet starts without.

    Signatures are of the fleet's name, so it has to be the same on every machine.
    """
    found = keys.text("signed_by", "")
    if "signed_by" in keys and not found and not keys.reading.is_wrong(keys.at("signed_by")):
        keys.wrong("signed_by", "must name a file", "as in 'signed_by: keys/pushers'")
    elif found and "name" not in top:
        sentence = "needs the fleet's name, which signatures hold: the name of the folder may be another on each host"
        keys.wrong("signed_by", sentence, "write 'name: NAME' into fleet.yaml")
    return found


def _witness(top: Section) -> str | None:
    found = top.text("witness", "")
    match = _WITNESS.fullmatch(found)
    if found and not (match and 0 < int(match[2]) < 65536) and not top.reading.is_hidden(found):
        top.wrong("witness", f"'{found}' is not HOST:PORT")
    return found or None


def _environment(top: Section) -> dict[str, str]:
    made = _variables(top, "env")
    for key in _keys(top, "env"):
        if key.text.startswith("AIRFLOW__"):
            hint = "Airflow's settings have a place of their own: 'airflow: {section: {key: value}}'"
            top.reading.problem(key, joined("env", key.text), f"'{key.text}' is a setting of Airflow", hint)
        elif key.text.startswith("AIRFLEET_") or key.text in ("AIRFLOW_HOME", "AIRFLOW_CONFIG"):
            top.reading.problem(key, joined("env", key.text), f"'{key.text}' is set by airfleet itself")
    return made


def _variables(top: Section, section: str) -> dict[str, str]:
    """Values by names that an environment can have."""
    for key in _keys(top, section):
        if not _VARIABLE_NAME.fullmatch(key.text):
            sentence = f"{key.text!r} cannot be the name of a variable: it has at least one character, and no '='"
            top.reading.problem(key, joined(section, key.text), sentence)
    return top.strings(section)


def _keys(top: Section, section: str) -> Iterator[nodes.Scalar]:
    """List the top keys of a mapping, if it is one."""
    node = top.get(section)
    yield from (key for key, _ in node.entries) if isinstance(node, nodes.Mapping) else ()


def _document(text: str, file: str) -> tuple[nodes.Node, tuple[Problem, ...]]:
    """Give the one document of a file; an empty one when it has none."""
    documents, broken = nodes.load(text, file)
    if len(documents) > 1:
        second = Problem(documents[1].place, "", "a fleet is one document; this starts a second one", code=Code.FLEET)
        broken = (*broken, second)
    return (documents[0] if documents else nodes.Mapping((), Place(file))), broken


def files(path: Path, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Name ``fleet.yaml`` and the overlay of the environment, whether they exist or not."""
    name = environ.get(ENVIRONMENT)
    return (path, path.with_name(f"{path.stem}.{name}{path.suffix}")) if name else (path,)


def _files(path: Path, environ: Mapping[str, str]) -> tuple[Path, ...]:
    name = environ.get(ENVIRONMENT)
    if not name:
        return (path,)
    if not _ENVIRONMENT_NAME.fullmatch(name):
        sentence = f"'{name}' cannot be the name of an environment"
        raise FileProblems([Problem(Place(str(path)), "", sentence, code=Code.FLEET)])
    _, overlay = files(path, environ)
    if not overlay.is_file():
        there = [file.name.split(".")[1] for file in path.parent.glob(f"{path.stem}.*{path.suffix}")]
        hint = did_you_mean(name, there) or (f"there is: {', '.join(sorted(there))}" if there else None)
        sentence = f"there is no such file for the environment '{name}'"
        raise FileProblems([Problem(Place(str(overlay)), "", sentence, hint, Code.UNREADABLE_FILE)])
    return path, overlay


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        hint = "'airfleet init' makes one"
        raise FileProblems(
            [Problem(Place(str(path)), "", "there is no such file", hint, Code.UNREADABLE_FILE)]
        ) from None
    except UnicodeDecodeError as wrong:
        line = bytes(wrong.object[: wrong.start]).count(b"\n") + 1
        problem = Problem(Place(str(path), line), "", "the file is not UTF-8 text", "save it as UTF-8", Code.NOT_UTF8)
        raise FileProblems([problem]) from None
    except OSError as unreadable:
        sentence = f"cannot be read: {unreadable}"
        raise FileProblems([Problem(Place(str(path)), "", sentence, code=Code.UNREADABLE_FILE)]) from None
