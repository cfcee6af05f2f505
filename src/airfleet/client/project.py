"""Which project folder a command is about, and where its fleet lives."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from airfleet.agent.host import agent_search
from airfleet.errors import FleetError, argument
from airfleet.fleet.planning import paths

FLEET_FILE = "fleet.yaml"


@dataclass(frozen=True)
class Project:
    """A folder with a fleet.yaml."""

    root: Path
    environ: Mapping[str, str]

    @property
    def fleet_file(self) -> Path:
        return self.root / FLEET_FILE

    @property
    def paths(self) -> paths.Paths:
        """Where the fleet of this project keeps its things."""
        return agent_search.reachable(paths.of(self.root, self.environ))

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that have a home in this folder."""
        return tuple(sorted(home.name for home in (self.root / ".airfleet" / "hosts").glob("*")))

    @property
    def played(self) -> Path:
        """The file that says how many hosts this machine plays, when it does."""
        return self.root / ".airfleet" / "played-hosts"

    @property
    def network(self) -> Path:
        """The file that says which network the hosts have that this machine plays, when they have one."""
        return self.root / ".airfleet" / "played-network"

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment of its agent; a host that this machine plays beside others has to know their number."""
        host = self.environ.get(paths.HOST)
        if host and host.startswith("host-") and self.played.exists() and not self.environ.get(paths.HOME):
            return {"AIRFLEET_LOCAL_HOSTS": self.played.read_text(), **self._place(host), **self.environ}
        return self.environ

    def _place(self, host: str) -> dict[str, str]:
        """Name the network and namespace of a host that has its own."""
        if not self.network.exists():
            return {}
        from airfleet.fleet.planning import local_hosts

        network = local_hosts.Network(int(self.network.read_text()))
        namespace = network.namespace(int(host.rpartition("-")[2]))
        return {local_hosts.NETWORK: network.prefix, local_hosts.NAMESPACE: namespace}

    def told(self, name: str, value: str) -> Project:
        """Give the same project, its agent started with one more variable."""
        return Project(self.root, {**self.environ, name: value})

    def on(self, host: str) -> Project:
        """Give the same project, for one of the hosts that share its folder."""
        return Project(self.root, {**self.environ, paths.HOST: host})

    def of_a_host(self) -> Project:
        """Give the project for the first host that runs here, if none is named and the folder's own fleet is down."""
        if self.environ.get(paths.HOST) or self.environ.get(paths.HOME) or agent_search.has_socket(self.paths):
            return self
        return next((one for host in self.hosts if agent_search.has_socket((one := self.on(host)).paths)), self)


def find(folder: Path | None, env: str | None = None, host: str | None = None) -> Project:
    """Find the project in ``folder``, or in the nearest ancestor of the working directory.

    ``env`` names the overlay of its fleet.yaml; without it, ``AIRFLEET_ENV`` does. ``host`` says which host of the
    fleet is meant (without it, ``AIRFLEET_HOST``), for a folder that several agents share; when nothing says it, and
    only hosts with names run here, it is the first of these.

    Raises:
        FleetError: there is none.
    """
    found = _given(folder) if folder is not None else nearest(Path.cwd())
    if found is None:
        raise FleetError(
            f"no {FLEET_FILE} in {Path.cwd()} or a folder above it",
            hint="airfleet init makes a project here; -C DIR names one elsewhere",
        )
    environ = {**os.environ, **({"AIRFLEET_ENV": env} if env else {}), **({paths.HOST: host} if host else {})}
    paths.require_text(found, paths.of(found, environ).home)
    return Project(found, environ).of_a_host()


def nearest(start: Path) -> Path | None:
    """Find the nearest of ``start`` and its ancestors that has a fleet.yaml."""
    for folder in (start, *start.parents):
        if os.path.isfile(folder / FLEET_FILE):  # also where it may not be looked for
            return folder
    return None


def _given(folder: Path) -> Path:
    if not folder.is_dir():
        raise FleetError(f"no such project folder: {folder}", hint=f"airfleet init {argument(folder)}")
    if not (folder / FLEET_FILE).is_file():
        raise FleetError(f"no {FLEET_FILE} in {folder}", hint=f"airfleet init {argument(folder)}")
    return folder.absolute()
