"""Makes one environment: a Python, what this host has already, and what uv installs."""

from __future__ import annotations

import os
import platform
import pwd
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from airfleet.errors import FleetError
from airfleet.releases.environments import installed, layout, uv_program
from airfleet.releases.environments.lock import Lock

#: imported by the environment's Python before it is used: what runs an attempt, and what parses a Dag
NEEDED: Final = ("airfleet.task_process.environment_main", "airfleet.pipelines.airflow.bundle")
#: uv's words for a distribution whose wheels are all for other machines, or that has none
_NO_WHEEL: Final = re.compile(r"no wheels with a matching|has no usable wheels")
#: seconds in which that has to be done
_TRIAL_SECONDS: Final = 300.0
#: variables that a trial may have: among the others may be secrets of the agent
_HARMLESS: Final = ("PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "LD_LIBRARY_PATH")


class CannotBuild(FleetError):
    """An environment cannot be built on this host; the message says why, with what uv says at last."""


def refusal(found: Lock) -> str:
    """Begin the sentence about an environment that cannot be built."""
    return f"this host cannot build the environment {found.digest[: layout.SHORT]}"


def make(work: Path, found: Lock, tree: Path, cache: Path) -> None:
    """Make the environment of a lock in a new folder. Raises CannotBuild or OSError.

    ``cache`` is uv's, unless a variable names another: it lies beside, so that files are linked from it.
    """
    here = installed.versions()
    present = [installed.AIRFLEET, *(pin.name for pin in found.pins if here.get(pin.name) == pin.version)]
    rest = "".join(pin.text for pin in found.pins if here.get(pin.name) != pin.version)
    try:
        uv_program.run("venv", "--relocatable", "--python", sys.executable, work, folder=tree)
        for name in present:
            installed.link(name, _packages(work))
        if rest:
            _install(work, rest, tree, cache)
    except uv_program.Failed as failed:
        raise CannotBuild(f"{refusal(found)}; uv says: {failed.sentence}", _hint(tree, failed)) from None
    # By this Python, not by the environment's own, as uv would do it: its .pth files are code of others.
    subprocess.run([sys.executable, "-m", "compileall", "-qq", "-j", "0", _packages(work)], check=False)


def _install(work: Path, rest: str, tree: Path, cache: Path) -> None:
    """Have uv install wheels, by hash: from those of the release where it brings some, else from an index."""
    wanted = work / "rest.txt"
    wanted.write_text(rest, encoding="utf-8")
    wheels = tree / layout.WHEELS
    source = ("--no-index", "--find-links", wheels) if wheels.is_dir() else ()
    kept = () if os.environ.get("UV_CACHE_DIR") else ("--cache-dir", cache)
    uv_program.run(
        "pip", "install", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--link-mode", "hardlink",
        "--python", layout.python(work), *kept, *source, "-r", wanted, folder=work,
    )  # fmt: skip
    wanted.unlink()


def _hint(tree: Path, failed: uv_program.Failed) -> str:
    if _NO_WHEEL.search(failed.said):
        python = f"Python {'.'.join(platform.python_version_tuple()[:2])} on {platform.machine()}"
        return (
            f"{python} has no wheel of it: ask for another version in the requirements, or run hosts on another Python"
        )
    if (tree / layout.WHEELS).is_dir():
        return "push with --vendor from a machine that has installed what this host has"
    return "push with --vendor where hosts reach no index"


def _packages(work: Path) -> Path:
    return next((work / "lib").glob("python*/site-packages"))


def try_out(work: Path, found: Lock, user: str | None) -> None:
    """Import what an attempt needs, as the user of tasks: packages may run code when Python starts.

    Raises CannotBuild.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="airfleet-") as home:
            done = _run(layout.python(work), f"import {', '.join(NEEDED)}", home, user)
    except subprocess.TimeoutExpired:
        sentence = f"{refusal(found)}: its Python did not start in {_TRIAL_SECONDS:.0f} s"
        raise CannotBuild(sentence, "a package of the requirements may run code when Python starts") from None
    if done.returncode != 0:
        (last,) = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        sentence = f"{refusal(found)}: it cannot run tasks: {last}"
        raise CannotBuild(sentence, "ask for another version of that package in the requirements, or leave it out")


def _run(python: Path, code: str, home: str, user: str | None) -> subprocess.CompletedProcess[str]:
    variables = {name: os.environ[name] for name in _HARMLESS if name in os.environ}
    return subprocess.run(
        [python, "-c", code],
        cwd=home,
        env={**variables, "HOME": home, "AIRFLOW_HOME": home, "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_TRIAL_SECONDS,
        check=False,
        **_identity(user, home),
    )


def _identity(user: str | None, home: str) -> dict[str, Any]:
    """Give the user and groups of a process, and its home."""
    if user is None:
        return {}
    account = pwd.getpwnam(user)
    os.chown(home, account.pw_uid, account.pw_gid)
    groups = os.getgrouplist(user, account.pw_gid)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": groups}
