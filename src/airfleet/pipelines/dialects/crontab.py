"""A crontab as documents of ours: a Dag for each line, with the command as its task."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from airfleet.errors import Place
from airfleet.pipelines.dialects.node_building import literal, mapping, sequence, text
from airfleet.pipelines.dialects.translation import Translation
from airfleet.pipelines.language import cron
from airfleet.yaml.nodes import Mapping, Node, Scalar

_SETTING: Final = re.compile(r"""\s*(?P<name>\w+)\s*=\s*(?P<quote>["']?)(?P<value>.*?)(?P=quote)\s*""", re.ASCII)
_JOB: Final = re.compile(r"\s*(?P<when>@\w+|(?:\S+\s+){4}\S+)\s+(?P<command>\S.*)")
_ACCOUNT: Final = re.compile(r"(?P<user>[a-z_][a-z0-9_-]*\$?)\s+(?P<command>\S.*)")
#: words of crontabs that Airflow has as well
_PRESETS: Final = ("@hourly", "@daily", "@weekly", "@monthly", "@yearly")
_MEANT: Final = {"@midnight": "@daily", "@annually": "@yearly"}
#: programs that only run another one
_NO_NAMES: Final = frozenset(
    (
        "cd",
        "sudo",
        "env",
        "nice",
        "ionice",
        "flock",
        "timeout",
        "sh",
        "bash",
        "python",
        "python3",
        "exec",
        "nohup",
        "test",
    )
)
_SCRIPT: Final = re.compile(r"\.(?:sh|py|pl|rb|php|js|jar)$")
#: settings that say something to cron itself
_OF_CRON: Final = frozenset(
    ("MAILTO", "MAILFROM", "CRON_TZ", "TZ", "SHELL", "LOGNAME", "USER", "CONTENT_TYPE", "RANDOM_DELAY")
)


@dataclass
class _State:
    """The settings and comments above a line."""

    settings: dict[str, str] = field(default_factory=dict)
    comment: list[str] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class _Job:
    """One line: when, what, and whose it is."""

    when: str
    command: str
    user: str | None
    place: Place


def documents(content: str, translation: Translation, accounts: frozenset[str] = frozenset()) -> Iterator[Mapping]:
    """Yield a document for each line with a command.

    Where every command begins with one of the ``accounts`` of a machine, that is whose it is, as in /etc/crontab.
    """
    state = _State()
    with_accounts = _has_accounts(content, accounts)
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            state.comment.clear()
        elif line.lstrip().startswith("#"):
            state.comment.append(line.strip().lstrip("#").strip())
        elif match := _SETTING.fullmatch(line):
            state.settings[match["name"]] = match["value"]
        elif job := _job(line, Place(translation.file, number), with_accounts, translation):
            yield _document(job, state)
            state.comment.clear()


def is_crontab(content: str) -> bool:
    """Tell whether a text has lines of a crontab and nothing else."""
    lines = [line for line in content.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    jobs = [match for line in lines if (match := _JOB.fullmatch(line)) and _is_when(match["when"])]
    return bool(jobs) and len(jobs) + sum(bool(_SETTING.fullmatch(line)) for line in lines) >= len(lines)


def _is_when(when: str) -> bool:
    return re.fullmatch(r"@[a-z]+|[\d*][\d*/,\-]*(\s+[\dA-Za-z*/,\-?#]+){4}", when) is not None


def _has_accounts(content: str, known: frozenset[str]) -> bool:
    lines = (line for line in content.splitlines() if not line.lstrip().startswith("#"))
    words = [match["command"].split()[0] for line in lines if (match := _JOB.fullmatch(line))]
    return bool(words) and known.issuperset(words)


def _job(line: str, place: Place, with_accounts: bool, translation: Translation) -> _Job | None:
    at, path = Scalar(line, line, place), f"line {place.line}"
    match = _JOB.fullmatch(line)
    if match is None:
        translation.problem(at, path, "this is no line of a crontab: a schedule and a command")
        return None
    when, command, user = " ".join(match["when"].split()), match["command"], None
    if with_accounts and (account := _ACCOUNT.fullmatch(command)):
        user, command = account["user"], account["command"]
    when = _MEANT.get(when, when)
    if when.startswith("@") and when not in _PRESETS:
        translation.problem(at, path, f"'{when}' is no time that Airflow knows: the line is left out")
    elif wrong := cron.problem_of(when):
        translation.problem(at, path, f"'{when}': {wrong[0]}", wrong[1])
    else:
        return _Job(when, command, user, place)
    return None


def _document(job: _Job, state: _State) -> Mapping:
    place = job.place
    dag_id = _free_id(_named_after(state.comment, job.command), state.ids)
    zone = state.settings.get("CRON_TZ") or state.settings.get("TZ")
    return mapping(
        [
            ("dag_id", text(dag_id, place)),
            ("description", text(" ".join(state.comment), place) if state.comment else None),
            ("schedule", text(job.when, place)),
            ("timezone", text(zone, place) if zone else None),
            ("catchup", literal(False, place)),
            ("defaults", _defaults(state.settings.get("MAILTO", ""), job)),
            ("tasks", sequence([_task(job, state)], place)),
        ],
        place,
    )


def _task(job: _Job, state: _State) -> Mapping:
    place = job.place
    script, given = _with_input(job.command)
    command = script if given is None else f"{script} <<'END_OF_INPUT'\n{given}\nEND_OF_INPUT"
    env = [(name, text(value, place)) for name, value in state.settings.items() if name not in _OF_CRON]
    args: list[tuple[str | Scalar, Node | None]] = [("bash_command", text(command, place))]
    if env:
        args += [("env", mapping(env, place)), ("append_env", literal(True, place))]
    return mapping([("id", text("run", place)), ("uses", text("bash", place)), ("with", mapping(args, place))], place)


def _defaults(mail_to: str, job: _Job) -> Mapping | None:
    place = job.place
    addresses = [text(one.strip(), place) for one in mail_to.split(",") if "@" in one]
    found: list[tuple[str | Scalar, Node | None]] = []
    if job.user is not None:
        found.append(("owner", text(job.user, place)))
    if addresses:
        found += [("email", sequence(addresses, place)), ("email_on_failure", literal(True, place))]
    return mapping(found, place) if found else None


def _with_input(command: str) -> tuple[str, str | None]:
    r"""Split a command at its first ``%``, behind which its input stands; ``\%`` is a plain one.

    >>> _with_input("date +\\%F"), _with_input("mail me%Hello%you")
    (('date +%F', None), ('mail me', 'Hello\nyou'))
    """
    first, *lines = (part.replace("\\%", "%") for part in re.split(r"(?<!\\)%", command))
    return first, "\n".join(lines) if lines else None


def _named_after(comment: list[str], command: str) -> str:
    """Name a Dag after the comment above its line, when that is short, else after the program."""
    if comment and 0 < len(comment[-1].split()) <= 4:
        words = comment[-1]
    else:
        names = (word.rpartition("/")[2] for word in re.split(r"[\s;&|<>()'\"=]+", command))
        named = [name for name in names if name[:1].isalpha() and name not in _NO_NAMES]
        scripts = [name for name in named if _SCRIPT.search(name)]
        words = _SCRIPT.sub("", next(iter([*scripts, *named]), "job"))
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_") or "job"


def _free_id(wanted: str, taken: set[str]) -> str:
    number, name = 1, wanted
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    taken.add(name)
    return name
