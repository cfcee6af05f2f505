"""The author and origin of a change of releases, on a laptop and in jobs of CI."""

from __future__ import annotations

import pytest

from airfleet.client import authorship
from airfleet.client.authorship import Authorship

GITHUB = {
    "GITHUB_ACTOR": "ada",
    "GITHUB_SERVER_URL": "https://git.example",
    "GITHUB_REPOSITORY": "shop/flows",
    "GITHUB_RUN_ID": "7",
}


def on_a_laptop(environ: dict[str, str]) -> Authorship:
    return authorship.of(environ, lambda: "bob", lambda: "lap-1")


@pytest.mark.parametrize(
    ("environ", "author", "origin"),
    [
        ({}, "bob", "lap-1"),
        ({"AIRFLEET_AUTHOR": "ada"}, "ada", "lap-1"),
        (GITHUB, "ada", "https://git.example/shop/flows/actions/runs/7"),
        ({**GITHUB, "AIRFLEET_AUTHOR": "eve"}, "eve", "https://git.example/shop/flows/actions/runs/7"),
        ({"GITLAB_USER_LOGIN": "ada", "CI_JOB_URL": "https://ci.example/9"}, "ada", "https://ci.example/9"),
        (
            {"BUILDKITE_BUILD_CREATOR": "ada", "BUILDKITE_BUILD_URL": "https://ci.example/8"},
            "ada",
            "https://ci.example/8",
        ),
        ({"GITHUB_REPOSITORY": "shop/flows"}, "bob", "lap-1"),
        ({"CI_JOB_URL": ""}, "bob", "lap-1"),
    ],
)
def test_a_job_tells_for_whom_it_runs_and_where(environ: dict[str, str], author: str, origin: str) -> None:
    assert on_a_laptop(environ) == Authorship(author, origin)


def test_a_user_without_a_name_is_unknown() -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    assert authorship.of({}, nobody, lambda: "pod-1") == Authorship("unknown", "pod-1")
