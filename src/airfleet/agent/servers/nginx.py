"""The nginx of this machine: where its program is, which one it is, and whether it takes what we wrote.

It is not among airfleet's dependencies: every system has one, kept up to date by its own packages.
"""

from __future__ import annotations

import errno
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from airfleet.agent.servers.embedded_servers import can_reach, system_state
from airfleet.errors import FleetError
from airfleet.fleet.components import proxy
from airfleet.fleet.planning.context import Nginx
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.planning.plan import Plan
from airfleet.fleet.servers.nginx_site import Door
from airfleet.fleet.servers.secrets import write_private
from airfleet.render import nginx as renderer

#: the oldest that is tested
OLDEST = (1, 18, 0)
#: users that may exist already and own nothing of value, best first
SERVICE_USERS = ("airfleet", "www-data", "nginx", "nobody")
#: where systems keep it beside what is on everybody's path
SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/local/nginx/sbin")
INSTALL = "install it ('apt-get install nginx', 'dnf install nginx'); its own service need not run"
TEST_SECONDS = 20.0


def prepare(paths: Paths, environ: Mapping[str, str], *, euid: int) -> Nginx:
    """Find the program and make its folder. Raises FleetError when there is none, or too old a one."""
    program = find(environ)
    if program is None:
        raise FleetError("this host needs nginx, and there is none here", hint=INSTALL)
    version = version_of(program)
    if version < OLDEST:
        raise FleetError(f"{program} is nginx {_dotted(version)}; airfleet needs {_dotted(OLDEST)} or newer", INSTALL)
    account = _service_account() if euid == 0 else None
    return Nginx(program, version, _folder(paths, account), account.pw_name if account else None)


def find(environ: Mapping[str, str]) -> Path | None:
    """Find the program: on the path, beside this Python, or where systems keep it."""
    places = [environ.get("PATH", ""), str(Path(sys.executable).parent), *SYSTEM_FOLDERS]
    found = shutil.which("nginx", path=os.pathsep.join(place for place in places if place))
    return Path(found) if found else None


def version_of(program: Path) -> tuple[int, int, int]:
    """Ask nginx for its version. Raises FleetError when it does not run or does not say."""
    try:
        done = subprocess.run([program, "-v"], capture_output=True, text=True, timeout=TEST_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as broken:
        raise FleetError(f"{program} does not run: {broken}", hint=INSTALL) from broken
    found = re.search(r"/(\d+)\.(\d+)\.(\d+)", done.stderr + done.stdout)
    if found is None:
        raise FleetError(f"{program} does not say which nginx it is: {done.stderr.strip()[:200]!r}", hint=INSTALL)
    return int(found[1]), int(found[2]), int(found[3])


def configure(plan: Plan, nginx: Nginx) -> None:
    """Write the configuration of the plan's site and have nginx itself read it.

    Raises FleetError when its port is in use, or for what nginx finds wrong (a certificate that is not
    there, a port that needs more rights) or cannot be told.
    """
    for name, text in renderer.files(plan).items():
        write_private(nginx.folder / name, text)
    if plan.site is not None and plan.site.public is not None:
        _require_free(plan.site.public.door)
        if plan.site.public.plain is not None:
            _require_free(plan.site.public.plain, "; 'redirect: 0' below proxy in fleet.yaml does without this port")
    done = subprocess.run(
        [*proxy.command(nginx), "-t", "-q"], capture_output=True, text=True, timeout=TEST_SECONDS, check=False
    )
    if done.returncode != 0:
        raise FleetError(*_complaint(done.stderr))


def _require_free(door: Door, way_out: str = "") -> None:
    """Raise FleetError when something listens there; whether we may is for nginx to say, which can have more rights."""
    with socket.socket(socket.AF_INET6 if ":" in door.address else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((door.address, door.port))
        except OSError as refused:
            if refused.errno == errno.EADDRINUSE:
                raise FleetError(
                    f"port {door.port} of {door.address}, which fleet.yaml gives to the proxy, is in use",
                    hint=f"'ss -ltnp sport = :{door.port}' names the program; a distribution's own nginx service "
                    f"ends with 'systemctl disable --now nginx'{way_out}",
                ) from None
            if refused.errno == errno.EADDRNOTAVAIL:
                raise FleetError(
                    f"this host has no address {door.address}, which fleet.yaml gives to the proxy",
                    hint="proxy.address is an address of the host that it runs on; 0.0.0.0 is every one of IPv4",
                ) from None


def _complaint(said: str) -> tuple[str, str | None]:
    """Make a sentence and a hint of nginx's complaint."""
    errors = [line for line in said.splitlines() if "[emerg]" in line]
    sentence = re.sub(r"^.*\[emerg\] (\d+#\d+: )?", "", (errors or [said.strip() or "it does not say why"])[0])
    hint = None
    if "Permission denied" in sentence and "bind()" in sentence:
        hint = (
            "ports below 1024 need rights: give proxy.port another one and let a firewall redirect to it, "
            "or 'setcap cap_net_bind_service=+ep' the nginx program"
        )
    elif "certificate" in sentence or "PEM" in sentence:
        hint = "proxy.tls in fleet.yaml names PEM files, relative to the folder of fleet.yaml"
    return f"nginx does not take its configuration: {sentence}", hint


def _service_account() -> pwd.struct_passwd:
    for name in SERVICE_USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise FleetError(
        "nginx should not serve as root, and there is no user to serve as",
        hint="run airfleet as an ordinary user, or 'useradd --system airfleet'",
    )


def _folder(paths: Paths, account: pwd.struct_passwd | None) -> Path:
    """Make its folder; as root, one that the user it serves as can pass through."""
    state = paths.home
    if account and not can_reach(paths.home, account.pw_uid):
        state = system_state(paths.home)
    folder = state / "nginx"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o711 if account else 0o700)
    return folder


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))
