"""Hosts of a deploy without ``ssh``: scripts run in a shell of this machine, in a home of their own.

The environment is there from the start, and its ``airfleet`` is a script: it notes how it was called, and is healthy
unless a file says that the version is broken.
"""

from __future__ import annotations

import io
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from airfleet.deploy import version_record, wheel
from airfleet.deploy.deployment import Deployment, Look
from airfleet.deploy.remote import Answer, File, Files, Unreachable, write_tar
from airfleet.deploy.version import Source, environment_name
from airfleet.fleet.config.spec import Fleet
from airfleet.fleet.servers import secrets
from airfleet.fleet.servers.secrets import Secrets
from airfleet.yaml import nodes

_STUB = """\
#!/bin/sh
home=$AIRFLEET_PROJECT
version=$(basename "$(readlink "$home/current")")
echo "$version $*" >> "$home/calls"
case $1 in
up)
    if [ -e "$home/broken" ] && grep -q "$(cat "$home/broken")" "$home/fleet.yaml"; then
        echo "error: it is broken" >&2
        exit 1
    fi
    touch "$home/up" ;;
down) rm -f "$home/up" ;;
plan)
    change=keep
    for host in $(cat "$home/changes" 2>/dev/null); do [ "$host" = "$AIRFLEET_HOST" ] && change=restart; done
    echo "{\\"hosts\\": [{\\"components\\": [{\\"change\\": \\"$change\\"}]}]}" ;;
status)
    state=stopped
    [ -e "$home/up" ] && state=$(cat "$home/state" 2>/dev/null || echo ready)
    echo "{\\"state\\": \\"$state\\"}" ;;
esac
"""


@dataclass
class ShellHost:
    """A host whose shell is this machine's."""

    name: str
    home: Path
    #: everything that was run, in order, with those of other hosts
    scripts: list[tuple[str, str]] = field(default_factory=list)
    is_off: bool = False

    @property
    def folder(self) -> Path:
        return self.home / "shop"

    @property
    def current(self) -> str:
        link = self.folder / "current"
        return link.readlink().name if link.is_symlink() else ""

    @property
    def calls(self) -> list[str]:
        """How its airfleet was called, without questions."""
        file = self.folder / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line for line in lines if " status " not in line and " config " not in line]

    def prepare(self) -> ShellHost:
        """Make the environment that is there."""
        python = ".".join(platform.python_version_tuple()[:2])
        name = environment_name(wheel.running(), wheel.lock_text(), python)
        program = self.folder / "environments" / name / "bin" / "airfleet"
        program.parent.mkdir(parents=True)
        program.write_text(_STUB)
        program.chmod(0o755)
        (program.parents[1] / ".whole").touch()
        return self

    def breaks_on(self, text: str) -> None:
        """Fail to start with a fleet.yaml that has this text."""
        (self.folder / "broken").write_text(text)

    def run(self, script: str, files: Files | None = None, seconds: float = 60.0) -> Answer:
        if self.is_off:
            raise Unreachable("does not answer")
        self.scripts.append((self.name, script))
        stream = io.BytesIO()
        if files:
            write_tar(files, stream)
        environ = {"HOME": str(self.home), "PATH": f"{self.home}/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
        done = subprocess.run(
            ["sh", "-c", script],
            input=stream.getvalue(),
            capture_output=True,
            env=environ,
            timeout=seconds,
            check=False,
        )
        return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())

    def shown(self, script: str) -> str:
        return f"ssh {self.name} {script}"


@dataclass
class Laptop:
    """Who deploys: a fleet.yaml, its secrets, and the hosts."""

    fleet: Fleet
    hosts: Mapping[str, ShellHost]
    secrets: Secrets | None = field(default_factory=secrets.generate)
    text: str = "name: shop\n"
    rules: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=lambda: {"TOKEN": "it's secret"})
    said: list[tuple[str, str]] = field(default_factory=list)

    @property
    def deployment(self) -> Deployment:
        """One deploy of the fleet as it is now."""
        files = {"fleet.yaml": File(self.text.encode())}
        keys = version_record.keys_of(nodes.load(self.text, "fleet.yaml")[0][0])
        source = Source(files, "", self.variables, ("pipelines",), self.rules, {"airfleet": "0.1.0"}, keys)
        say = lambda host, sentence: self.said.append((host, sentence))  # noqa: E731
        owner = f"alice@laptop (process {os.getpid()})"
        return Deployment(self.fleet, self.hosts, source, say, self.secrets, owner)

    def deploy(self) -> bool:
        """Deploy; whether anything had to be done."""
        deployment = self.deployment
        planned = deployment.plan(self.look(deployment))
        if all(one.is_done for one in planned):
            return False
        deployment.carry_out(planned)
        return True

    def look(self, deployment: Deployment | None = None) -> Look:
        """Ask the hosts."""
        return (deployment or self.deployment).look()
