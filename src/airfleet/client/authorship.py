"""The author of a change of releases and its origin: of a CI job its person and page, else the login and the host.

Nobody proves it: the log of releases helps people to find one another. Everybody may push who may log in to the
database.
"""

from __future__ import annotations

import getpass
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

#: the variable that says it where none of the others does
AUTHOR = "AIRFLEET_AUTHOR"
#: by which the systems of CI tell for whom a job runs: GitHub, GitLab, Buildkite, CircleCI, Jenkins
_AUTHORS = (
    AUTHOR, "GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILDKITE_BUILD_CREATOR", "CIRCLE_USERNAME", "BUILD_USER_ID",
)  # fmt: skip
#: and the page of the job; GitHub has none
_PAGES = ("CI_JOB_URL", "BUILDKITE_BUILD_URL", "CIRCLE_BUILD_URL", "BUILD_URL")
_GITHUB = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")


@dataclass(frozen=True)
class Authorship:
    """A person, and the machine or job."""

    author: str
    origin: str


def of(
    environ: Mapping[str, str],
    login: Callable[[], str] = getpass.getuser,
    machine: Callable[[], str] = socket.gethostname,
) -> Authorship:
    """Find out who asks.

    >>> of({}, lambda: "ada", lambda: "lap-1")
    Authorship(author='ada', origin='lap-1')
    >>> of({"GITLAB_USER_LOGIN": "ada", "CI_JOB_URL": "https://git.example/jobs/7"}).origin
    'https://git.example/jobs/7'
    """
    author = next((environ[name] for name in _AUTHORS if environ.get(name)), "") or _known(login)
    return Authorship(author, _job(environ) or _known(machine))


def _job(environ: Mapping[str, str]) -> str:
    if all(environ.get(name) for name in _GITHUB):
        server, repository, run = (environ[name] for name in _GITHUB)
        return f"{server}/{repository}/actions/runs/{run}"
    return next((environ[name] for name in _PAGES if environ.get(name)), "")


def _known(ask: Callable[[], str]) -> str:
    try:
        return ask()
    except (OSError, KeyError):  # a container may run as a user without a name
        return "unknown"
