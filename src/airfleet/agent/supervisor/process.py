"""A component as a process: its state, its pid, its deaths, the last words in its log.

The only place where a state changes is :meth:`Running.move_to`; it refuses what
:data:`airfleet.agent.states.FOLLOWS` does not allow and tells the agent of every change.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import pwd
import re
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from airfleet.agent import states
from airfleet.agent.control import ComponentStatus
from airfleet.agent.states import Reason, State
from airfleet.fleet.planning.plan import Component, Exec
from airfleet.spool.current_work import WorkItem

#: lines of a dead component's log that are shown
LAST_LINES = 12

#: names the descriptor of the zygote's end of its socket with the agent
ZYGOTE_DESCRIPTOR = "AIRFLEET_ZYGOTE_FD"


@dataclass
class Running:
    """One component of the plan and its process. Times are seconds of the agent's clock."""

    component: Component
    log: Path
    changed: Callable[[Running], None]
    state: State = State.WAITING
    pid: int | None = None
    #: the moment of the last change of state, and of the last start
    since: float = 0.0
    started: float = 0.0
    #: when its process began, seconds since the epoch
    started_at: float = 0.0
    #: seconds from the first start to the first time it was ready
    ready_after: float | None = None
    first_start: float | None = None
    #: the last death, and those that count
    died: float = float("-inf")
    deaths: list[float] = field(default_factory=list)
    reason: Reason | None = None
    last_lines: tuple[str, ...] = ()
    #: how often it was given up since it was well for a while
    given_up: int = 0
    #: what it worked on when it died last, and the error that its log ends with
    work: WorkItem = field(default_factory=WorkItem)
    error: str = ""
    statement: str = ""
    #: not before this moment
    wait_until: float = 0.0
    #: bytes in the log when this attempt began
    log_offset: int = 0

    @property
    def name(self) -> str:
        return self.component.name

    @property
    def was_ready(self) -> bool:
        return self.ready_after is not None

    def move_to(self, state: State, now: float, reason: Reason | None = None) -> None:
        """Change the state. Raises RuntimeError for a change that the table does not have."""
        if state not in states.FOLLOWS[self.state]:
            raise RuntimeError(f"{self.name}: {self.state} cannot become {state}")
        self.state, self.since, self.reason = state, now, reason
        if state in states.FINE and self.ready_after is None and self.first_start is not None:
            self.ready_after = now - self.first_start
        self.changed(self)

    def ordered(self, now: float, epoch: float) -> None:
        """Note that its process is asked for; it has no pid yet."""
        self.pid, self.started, self.started_at = None, now, epoch
        if self.first_start is None:
            self.first_start = now

    def began(self, pid: int, now: float, epoch: float) -> None:
        """Note that its process runs."""
        self.pid, self.started, self.started_at = pid, now, epoch
        self.last_lines = ()
        self.work, self.error, self.statement = WorkItem(), "", ""
        if self.first_start is None:
            self.first_start = now

    def status(self, now: float) -> ComponentStatus:
        """Return the status that people are shown."""
        return ComponentStatus(
            name=self.name,
            kind=self.component.kind,
            state=self.state,
            pid=self.pid if self.state in states.ALIVE else None,
            started_after=self.ready_after,
            since=max(now - self.since, 0.0),
            restarts=max(len(self.deaths) - (self.state == State.GAVE_UP), 0),
            reason=str(self.reason or ""),
            last_lines=self.last_lines,
            address=self.component.address,
            log=str(self.log),
            group=self.component.group,
            program=self.component.program,
            work_kind=self.work.kind,
            work_name=self.work.name,
            error=self.error,
            statement=self.statement,
            tried_again_in=max(self.wait_until - now, 0.0) if self.state == State.GAVE_UP else None,
        )


def spawn(start: Exec, log: Path, environment: Mapping[str, str], cwd: Path, fds: Sequence[int] = ()) -> int:
    """Start a program in a session of its own, its output in ``log``; returns its pid.

    Raises OSError when the program cannot be started, also for an environment that no process can have.
    """
    account = pwd.getpwnam(start.user) if start.user else None
    with open(log, "ab", opener=private) as output:
        try:
            child = subprocess.Popen(
                start.argv,
                stdin=subprocess.PIPE if start.secret_input else subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**environment, **start.environment},
                # A service user may not be able to enter the project's folder.
                cwd="/" if account else cwd,
                start_new_session=True,
                pass_fds=fds,
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=[] if account else None,
            )
        except ValueError as wrong:  # a name with '=', a value with NUL
            raise OSError(errno.EINVAL, str(wrong)) from None
    if child.stdin:
        with contextlib.suppress(BrokenPipeError), child.stdin:
            child.stdin.write(start.secret_input.encode())
    child.returncode = 0  # the agent reaps it; keep Popen from doing so
    return child.pid


def private(path: str, flags: int) -> int:
    """Open a file that is made for its owner alone when it is not there (``opener`` of :func:`open`)."""
    return os.open(path, flags, 0o600)


def last_lines(log: Path, offset: int, count: int = LAST_LINES) -> tuple[str, ...]:
    """Return the last lines of a log, none from before ``offset`` (an earlier attempt's)."""
    try:
        with open(log, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(offset, size - 64_000))
            lines = deque((line.decode(errors="replace").rstrip() for line in file), maxlen=count)
    except OSError:
        return ()
    return tuple(line for line in lines if line)


#: the line of a traceback that says what was raised: the name of an error, with its module, and the text
_RAISED = re.compile(
    r"^(?:[A-Za-z_]\w*\.)*"
    r"([A-Za-z_]\w*(?:Error|Exception|Refused|Timeout|OutOfRange|Violation|Truncation))(?:: (.*))?$"
)


def last_error(log: Path, offset: int) -> str:
    """Return the error that a component's log ends with, from this attempt on; empty when there is none."""
    for line in reversed(last_lines(log, offset, 400)):
        if found := _RAISED.match(line):
            return ": ".join(filter(None, found.groups()))[:300]
    return ""


#: characters of a statement that people are shown
STATEMENT_CHARACTERS = 200
_LITERAL = re.compile(r"'(?:[^']|'')*'")


def last_statement(log: Path, offset: int) -> str:
    """Return the SQL of the last error in the log, shortened; without parameters and literals, which may be secret.

    SQLAlchemy writes it below the error, over as many lines as it has: ``[SQL: ...]``, ``[parameters: ...]``.
    """
    lines = last_lines(log, offset, 400)
    ends = [number for number, line in enumerate(lines) if _RAISED.match(line)]
    after = iter(lines[ends[-1] + 1 :] if ends else ())
    first = next((line for line in after if line.startswith("[SQL: ")), "")
    found = [first.removeprefix("[SQL: "), *itertools.takewhile(lambda line: not line.startswith("["), after)]
    statement = " ".join(" ".join(found).split()).removesuffix("]") if first else ""
    statement = _LITERAL.sub("'...'", statement)
    return statement if len(statement) <= STATEMENT_CHARACTERS else statement[:STATEMENT_CHARACTERS] + " ..."


def ask_to_end(running: Running) -> None:
    """Send a component the signal by which it ends in good order; one that has just ended is fine."""
    if running.pid is not None:
        with contextlib.suppress(ProcessLookupError):  # the reaper will say so
            # The leader alone: Celery's children must not be told, they have tasks to finish.
            os.kill(running.pid, running.component.stop_signal)


def signal_group(pid: int, number: int) -> None:
    """Signal every process of a component's session leader's group; gone ones are fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
