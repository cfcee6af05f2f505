"""Where everything lies on a host.

::

    <folder>/                  deploy.folder of fleet.yaml; others may enter, and with task_user list it
        airfleet               the command of the current version: ./airfleet status
        fleet.yaml, secrets    links to those of the current version
        current, previous      links to versions/<id>
        versions/<id>/         fleet.yaml, its overlay, secrets, and the command with its variables
        environments/<id>/     Python, airfleet and Airflow; versions share one while the lock is the same
        uv/<version>/uv        what installs them
        deploy.lock            who deploys now
        deploy.log             what was deployed, by whom; lines are only added
        .airfleet/             the fleet's home, which no deploy replaces
"""

from __future__ import annotations

from dataclasses import dataclass

#: a marker in an environment that is whole
WHOLE = ".whole"
RECORD = "version.json"
COMMAND = "airfleet"
#: the part of a host's secrets that ``airfleet secrets export`` writes
PARCEL = "secrets.json"


@dataclass(frozen=True)
class Layout:
    """The places below a folder; ``folder`` is absolute."""

    folder: str
    #: whether tasks of another user read it
    is_open: bool = False

    @property
    def current(self) -> str:
        return f"{self.folder}/current"

    @property
    def previous(self) -> str:
        return f"{self.folder}/previous"

    @property
    def command(self) -> str:
        return f"{self.folder}/{COMMAND}"

    @property
    def lock(self) -> str:
        return f"{self.folder}/deploy.lock"

    @property
    def log(self) -> str:
        return f"{self.folder}/deploy.log"

    @property
    def home(self) -> str:
        """Name the fleet's home."""
        return f"{self.folder}/.airfleet"

    def version(self, name: str) -> str:
        """Name the folder of a version."""
        return f"{self.folder}/versions/{name}"

    def environment(self, name: str) -> str:
        """Name the folder of an environment."""
        return f"{self.folder}/environments/{name}"

    def uv(self, version: str) -> str:
        """Name the program that was brought along."""
        return f"{self.folder}/uv/{version}/uv"
