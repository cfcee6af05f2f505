"""The person's own ``ssh``: its configuration, agent, jump hosts and known hosts; one connection for each host.

Nothing secret is an argument: files go through the standard input. ``BatchMode`` has it ask nothing, so a host whose
key is not known is refused.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from airfleet.deploy.remote import Answer, Files, Unreachable, write_tar

#: seconds until a host counts as not there, and between two signs of life
CONNECT_SECONDS, ALIVE_SECONDS = 10, 15
#: the exit code of ``ssh`` itself
_OF_SSH: Final = 255
_KEEP: Final = 120


@dataclass(frozen=True)
class Ssh:
    """A host behind ``ssh``."""

    name: str
    destination: str
    #: the program, with options of the person
    program: Sequence[str]
    #: a folder for the sockets of connections, short: a socket's path has 100 characters at the most
    sockets: Path
    #: who logs in where the destination names nobody
    user: str = ""

    def run(self, script: str, files: Files | None = None, seconds: float = 60.0) -> Answer:
        """Run a script there. Raises Unreachable."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = self._start(script, out, err)
            try:
                assert process.stdin is not None
                with suppress(BrokenPipeError):  # it has ended before it has read all: its exit code says why
                    write_tar(files, process.stdin) if files else None
                with suppress(BrokenPipeError):
                    process.stdin.close()
                code = process.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                raise Unreachable(f"did not answer within {seconds:.0f} s") from None
            finally:
                process.kill()
                process.wait()
            answer = Answer(code, _text(out), _text(err))
        if code == _OF_SSH:
            raise explained(answer.err)
        return answer

    def _start(self, script: str, out: IO[bytes], err: IO[bytes]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(self._words(script), stdin=subprocess.PIPE, stdout=out, stderr=err)
        except FileNotFoundError:
            raise Unreachable(
                f"there is no program '{self.program[0]}' here", hint="install OpenSSH's client"
            ) from None

    def _words(self, script: str) -> list[str]:
        options = {
            "BatchMode": "yes",
            "ConnectTimeout": CONNECT_SECONDS,
            "ServerAliveInterval": ALIVE_SECONDS,
            # What a person's configuration may have for logins would be in the way of scripts.
            "RequestTTY": "no",
            "RemoteCommand": "none",
            "ClearAllForwardings": "yes",
            "ControlMaster": "auto",
            "ControlPersist": _KEEP,
            "ControlPath": self.sockets / "%C",
        }
        told = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        login = ["-l", self.user] if self.user and "@" not in self.destination else []
        return [*self.program, *told, *login, "--", self.destination, f"sh -c {shlex.quote(script)}"]

    def shown(self, script: str) -> str:
        """Write the command as a person would type it."""
        login = ["-l", self.user] if self.user and "@" not in self.destination else []
        return shlex.join([*self.program, *login, self.destination, f"sh -c {shlex.quote(script)}"])

    def close(self) -> None:
        """End the connection that is kept for the next script."""
        words = [*self.program, "-o", f"ControlPath={self.sockets / '%C'}", "-O", "exit"]
        login = ["-l", self.user] if self.user and "@" not in self.destination else []
        subprocess.run([*words, *login, "--", self.destination], capture_output=True, check=False)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


#: what ``ssh`` says, the sentence for it, and a hint
_SAID: Final = (
    (
        r"REMOTE HOST IDENTIFICATION HAS CHANGED|Host key for .* has changed",
        "has another key than the one that known_hosts has: it is another machine, or somebody is in between",
        "when the machine was set up anew, 'ssh-keygen -R HOST', then log in once and compare the key",
    ),
    (
        r"Host key verification failed|No .* host key is known",
        "has a key that known_hosts does not have",
        "log in once with 'ssh', and compare the key with the one that the machine says",
    ),
    (
        r"Permission denied",
        "lets nobody in with the keys of this machine",
        "'ssh-add -l' lists them; 'ssh' of hosts, or 'deploy: {user: NAME}', says who logs in",
    ),
    (r"Could not resolve hostname", "has a name that nobody resolves here", "'ssh' of the host names another way"),
    (r"Connection refused", "refuses the connection: no sshd listens there", None),
    (r"timed out|No route to host|unreachable", "does not answer", None),
)


def explained(said: str) -> Unreachable:
    """Put what ``ssh`` said into a sentence without the name of the host."""
    for pattern, sentence, hint in _SAID:
        if re.search(pattern, said):
            return Unreachable(sentence, hint)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return Unreachable(f"cannot be reached: {lines[-1] if lines else 'ssh has ended'}")
