"""A message broker for tests: a real server on loopback, stopped, frozen, emptied and started again at will.

It has a folder, a port, a password and processes of its own, which it ends by their pids.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from airfleet.agent.probes.broker_line import Line
from airfleet.agent.probes.broker_probe import line_to
from airfleet.agent.servers import embedded_servers
from airfleet.drill.waiting import wait_until
from airfleet.fleet.components import valkey
from airfleet.fleet.planning.paths import Paths, fleet_id
from airfleet.fleet.servers import brokers
from airfleet.testing.fleet import clean_environment
from airfleet.testing.ports import free_ports

START_SECONDS = 60.0
STOP_SECONDS = 20.0


@dataclass
class BrokerUnderTest(ABC):
    """A broker with its data below ``folder``; its port and password stay the same whatever happens to it."""

    folder: Path
    password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    port: int = field(default_factory=lambda: free_ports(1)[0])
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    @property
    @abstractmethod
    def url(self) -> str:
        """Give the value for ``broker:`` of fleet.yaml."""

    @abstractmethod
    def _spawn(self) -> subprocess.Popen[bytes]:
        """Start the server in a session of its own."""

    @property
    @abstractmethod
    def _data(self) -> Path:
        """The folder of what survives a stop."""

    def start(self) -> None:
        """Start it, and return when it takes messages. Raises AssertionError."""
        assert self._process is None, "it runs already"
        self._process = self._spawn()
        wait_until(self.answers, START_SECONDS, f"{type(self).__name__} on port {self.port} takes messages")

    def answers(self) -> bool:
        """Tell whether it takes a message and gives it back."""
        line: Line = line_to(brokers.parse(self.url))
        try:
            line.check(timeout_seconds=5.0)
        except OSError:
            return False
        finally:
            line.close()
        return True

    def stop(self) -> None:
        """End it in good order; what is on disk stays."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop it from answering, as a machine does that hangs; connections stay open."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def wipe(self) -> None:
        """Lose everything it holds, and start again empty."""
        if self._process is not None:
            self.kill()
        for entry in self._data.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        self.start()

    def end(self) -> None:
        """End it, whatever was done to it, with all that it started."""
        if self._process is not None:
            self.thaw()
            self.kill()

    def __enter__(self) -> BrokerUnderTest:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        self.signal_group(process, number)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass  # ended by force below
        self.signal_group(process, signal.SIGKILL)
        process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self.signal_group(self._process, number)

    @staticmethod
    def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass  # all of it has ended

    def popen(
        self, argv: Sequence[str], environ: Mapping[str, str], told: bytes = b"", user: str | None = None
    ) -> subprocess.Popen[bytes]:
        with (self.folder / "server.log").open("ab") as log:
            account = pwd.getpwnam(user) if user else None
            process = subprocess.Popen(
                list(argv),
                env={**clean_environment(), **environ},
                cwd=self._data,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=user,
                group=account.pw_gid if account else None,
            )
        assert process.stdin
        process.stdin.write(told)
        process.stdin.close()
        return process


@dataclass
class Valkey(BrokerUnderTest):
    """The Valkey (or Redis) that embedded fleets have."""

    @property
    def url(self) -> str:
        """With the database in which a fleet keeps its messages."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def _spawn(self) -> subprocess.Popen[bytes]:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)  # the user that it runs as, when we are root, must reach its data
        place = embedded_servers.prepare(Paths(home=self.folder, runtime=self.folder), euid=os.geteuid())
        conf = valkey.configuration(place.valkey_data, self.port, self.password)
        return self.popen((str(place.valkey_server), "-"), {}, conf.encode(), place.user)

    def end(self) -> None:
        """End it, whatever was done to it, and remove what it has outside of its folder."""
        super().end()
        shutil.rmtree(embedded_servers.SYSTEM_STATE / fleet_id(self.folder), ignore_errors=True)

    @property
    def _data(self) -> Path:
        return embedded_servers.prepare(Paths(home=self.folder, runtime=self.folder), euid=os.geteuid()).valkey_data
