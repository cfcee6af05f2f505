"""The environment of each process: variables that are withheld, cleared, or fixed.

Values that ``fleet.yaml`` takes from the environment (``${{ env.DATABASE_PASSWORD }}``) are for the agent alone. They
would else be in the first environment of every process of the fleet, which tasks of the same user can read in
``/proc``, and which they inherit. So the agent is told over its standard input, and ``airfleet up`` clears its own
first environment, which ``/proc`` shows as long as a process lives.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from airfleet.system import procfs

#: what every process of a fleet is started with, whatever the locale of the shell: files are UTF-8
FIXED = {"PYTHONUTF8": "1"}

#: variables that programs need to run at all; they are kept also when fleet.yaml refers to them
_ESSENTIAL = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|PWD|LANG|LANGUAGE|LC_[A-Z]+|TZ|TMPDIR|VIRTUAL_ENV|LD_[A-Z_]+|PYTHON[A-Z0-9]+"
    r"|AIRFLEET_(HOME|HOST|ENV)"
)
_MEMORY = Path("/proc/self/mem")
#: where the first environment begins and ends, among the fields of ``stat`` behind the command's name
_ENV_START, _ENV_END = 47, 48


def unfit(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Name the variables for a person's own Python with which no component would start or end as it should.

    >>> unfit({"PYTHONWARNINGS": "error::DeprecationWarning", "PYTHONINSPECT": "1", "PATH": "/bin"})
    ('PYTHONINSPECT', 'PYTHONWARNINGS')
    >>> unfit({"PYTHONWARNINGS": "ignore", "PYTHONINSPECT": ""})
    ()
    """
    # Airflow and its libraries warn while they are imported; an interpreter that goes on to ask at its end has no code.
    inspect, warns = environ.get("PYTHONINSPECT"), environ.get("PYTHONWARNINGS", "")
    return (*(("PYTHONINSPECT",) if inspect else ()), *(("PYTHONWARNINGS",) if "error" in warns else ()))


def withheld(environ: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Return the variables of these names that are there, but for those without which no program runs."""
    return {name: environ[name] for name in names if name in environ and not _ESSENTIAL.fullmatch(name)}


def without(environ: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    """Return ``environ`` without the variables of these names; those without which no program runs stay."""
    return {name: value for name, value in environ.items() if name not in names or _ESSENTIAL.fullmatch(name)}


def write(stream: IO[bytes], variables: Mapping[str, str]) -> None:
    """Tell an agent what is withheld from its environment."""
    stream.write(json.dumps(dict(variables)).encode())


def read(stream: IO[str]) -> dict[str, str]:
    """Read what :func:`write` told."""
    return {str(name): str(value) for name, value in json.loads(stream.read() or "{}").items()}


def clear_first(names: Collection[str]) -> None:
    """Overwrite variables of these names in this process's first environment; ``os.environ`` stays as it is.

    A kernel that does not let a process write into its own memory this way leaves them there.
    """
    with suppress(OSError, IndexError):
        fields = procfs.stat_fields(procfs.read("self", "stat"))
        start, end = int(fields[_ENV_START]), int(fields[_ENV_END])
        with _MEMORY.open("r+b", buffering=0) as memory:
            memory.seek(start)
            block = memory.read(end - start)
            memory.seek(start)
            memory.write(b"\0".join(_cleared(line, names) for line in block.split(b"\0")))


def _cleared(line: bytes, names: Collection[str]) -> bytes:
    name = line.partition(b"=")[0].decode(errors="surrogateescape")
    return b"\0" * len(line) if name in names and not _ESSENTIAL.fullmatch(name) else line
