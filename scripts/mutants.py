"""Mutation tests of the rules that guard data: ``python scripts/mutants.py [NAME ...] [--most N] [--seed N]``.

cosmic-ray makes the mutants of the modules in ``tests/mutation/modules.toml``, one small change each, in a copy of the
repository, and runs the tests that are named there. A mutant with which they pass has survived: a test is missing,
or ``tests/mutation/survivors.toml`` says why the change makes no difference. The exit code is 1 when one survived
without a reason there, when a reason is of no mutant any more, or when the tests fail without any mutant.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mutant_runs import SAID_TOO_LONG

REPOSITORY = Path(__file__).resolve().parents[1]
MUTATION = REPOSITORY / "tests" / "mutation"
COSMIC_RAY = REPOSITORY / ".venv-mutants" / "bin" / "cosmic-ray"
FILTER = COSMIC_RAY.with_name("cr-filter-operators")
RUNS = Path(__file__).with_name("mutant_runs.py")
#: A mutant may take so many times as long as none, and some seconds: the machine may be busy. Then it is killed.
PATIENCE, PATIENCE_SECONDS = 4.0, 30.0
#: seconds for what a server of runs does before it takes questions
START_SECONDS = 300.0
#: a comparison becomes its neighbour or its opposite; all other pairs would be killed by the same tests
COMPARISONS = (
    "Lt_LtE",
    "LtE_Lt",
    "Gt_GtE",
    "GtE_Gt",
    "Eq_NotEq",
    "NotEq_Eq",
    "Is_IsNot",
    "IsNot_Is",
    "In_NotIn",
    "NotIn_In",
)
OPERATORS = (
    *(f"core/ReplaceComparisonOperator_{name}" for name in COMPARISONS),
    "core/AddNot",
    "core/ReplaceAndWithOr",
    "core/ReplaceOrWithAnd",
    "core/ReplaceTrueWithFalse",
    "core/ReplaceFalseWithTrue",
    "core/ReplaceBreakWithContinue",
    "core/ReplaceContinueWithBreak",
    "core/ReplaceBinaryOperator_Add_Sub",
    "core/ReplaceBinaryOperator_Sub_Add",
    "core/ZeroIterationForLoop",
    "airfleet/DropSqlCondition",
)


@dataclass(frozen=True)
class Module:
    """A module and the tests that have to notice its mutants."""

    name: str
    file: str
    tests: Sequence[str]
    #: whether the tests want databases: all mutants then share a server
    databases: bool = False


@dataclass(frozen=True)
class Mutant:
    """One change of one line, and what the tests said of it."""

    module: str
    operator: str
    line: int
    before: str
    after: str
    survived: bool
    #: killed by nothing but time
    was_late: bool = False

    @property
    def key(self) -> tuple[str, str, str]:
        """Identify it without its line number, which other changes move."""
        return self.module, self.before, self.after

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: {self.before}  ->  {self.after}"


def main() -> int:
    """Run every module that was asked for."""
    options = arguments()
    known = {module.name: module for module in modules()}
    unknown = [name for name in options.names if name not in known]
    if unknown:
        print(f"no module named {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    reasons = explained()
    chosen = [known[name] for name in options.names or known]
    results = [judge(module, list(mutants(module, options)), reasons, options.most) for module in chosen]
    return 0 if all(results) else 1


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Mutation tests of the rules that guard data.")
    parser.add_argument("names", nargs="*", help="modules of tests/mutation/modules.toml; all of them")
    parser.add_argument("--most", type=int, default=0, help="so many mutants of each module, drawn; all of them")
    parser.add_argument("--seed", type=int, default=1, help="for the drawing")
    return parser.parse_args()


def modules() -> Iterator[Module]:
    """Read the modules that are mutated."""
    for one in tomllib.loads((MUTATION / "modules.toml").read_text())["module"]:
        yield Module(one["name"], one["file"], one["tests"], one.get("databases", False))


def explained() -> dict[tuple[str, str, str], str]:
    """Read why some mutants survive."""
    told = tomllib.loads((MUTATION / "survivors.toml").read_text()).get("survivor", [])
    return {(one["module"], one["before"], one["after"]): one["why"] for one in told}


def judge(module: Module, found: Sequence[Mutant], reasons: dict[tuple[str, str, str], str], drawn: int) -> bool:
    """Say what survived; whether each survivor has a reason, and each reason a survivor."""
    alive = [mutant for mutant in found if mutant.survived]
    unexplained = [mutant for mutant in alive if mutant.key not in reasons]
    stale = set() if drawn else {key for key in reasons if key[0] == module.name} - {mutant.key for mutant in alive}
    print(
        f"{module.name}: {len(found)} mutants, {len(found) - len(alive)} killed, "
        f"{len(alive) - len(unexplained)} explained, {len(unexplained)} not",
        flush=True,
    )
    for mutant in found:
        if mutant.was_late:
            print(f"  killed by time: {mutant}")
    for mutant in unexplained:
        print(f"  survived: {mutant}")
    for _, before, after in sorted(stale):
        print(f"  explained, but killed or gone: {before}  ->  {after}")
    return not unexplained and not stale


def mutants(module: Module, options: argparse.Namespace) -> Iterator[Mutant]:
    """Make every mutant of a module and run its tests, in a copy of the repository."""
    with tempfile.TemporaryDirectory(prefix="airfleet-mutants-") as scratch, contextlib.ExitStack() as stack:
        place = Path(scratch)
        place.chmod(0o755)
        copy(place)
        environ = environment(place)
        if module.databases:
            environ["AIRFLEET_TEST_DATABASES"] = stack.enter_context(databases(place))
        socket = stack.enter_context(runs(module, place, environ))
        session, config = place / "session.sqlite", place / "cosmic-ray.toml"
        config.write_text(configuration(module, socket, patience(module, socket)))
        run("init", str(config), str(session), place=place)
        subprocess.run([FILTER, str(session), str(config)], cwd=place, env=environment(place), check=True)
        thin_out(session, options.most, random.Random(options.seed))
        run("exec", str(config), str(session), place=place)
        yield from outcomes(module, run("dump", str(session), place=place))


@contextlib.contextmanager
def databases(place: Path) -> Iterator[str]:
    """Start a server of databases that nothing has to outlive; its URL."""
    from airfleet.testing.servers import Servers

    with Servers(place / "servers", postgres={"fsync": "off", "full_page_writes": "off"}) as servers:
        yield servers.database_url("postgres")


@contextlib.contextmanager
def runs(module: Module, place: Path, environ: dict[str, str]) -> Iterator[Path]:
    """Start what runs the tests, and wait until it does; where it is asked."""
    socket, log = place / "runs", place / "runs.log"
    command = [sys.executable, str(RUNS), "serve", str(socket), *module.tests]
    with log.open("wb") as output:
        server = subprocess.Popen(command, cwd=place, env=environ, stdout=output, stderr=output)
    try:
        until = time.monotonic() + START_SECONDS
        while not socket.exists():
            if server.poll() is not None or time.monotonic() > until:
                sys.exit(f"{module.name}: the tests cannot be run: {log.read_text()[-4000:]}")
            time.sleep(0.05)
        yield socket
    finally:
        server.terminate()
        server.wait()


def patience(module: Module, socket: Path) -> float:
    """Seconds that the tests may take with a mutant; without one they have to pass."""
    began = time.monotonic()
    if subprocess.run(asking(socket, START_SECONDS), check=False).returncode:
        log = socket.with_name("runs.log").read_text()
        sys.exit(f"{module.name}: the tests fail without any mutant\n{log[-4000:]}")
    return PATIENCE_SECONDS + PATIENCE * (time.monotonic() - began)


def asking(socket: Path, seconds: float) -> list[str]:
    """Give the command that has the tests run."""
    return [sys.executable, "-I", "-S", str(RUNS), "ask", str(socket), f"{seconds:.0f}"]


def copy(place: Path) -> None:
    """Copy every file that git knows, as it is in the working tree."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True).stdout
    for name in listed.decode().rstrip("\0").split("\0"):
        if (source := REPOSITORY / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, place / name)


def configuration(module: Module, socket: Path, seconds: float) -> str:
    """Write cosmic-ray's configuration; operators that are not wanted are filtered out afterwards."""
    wanted = "|".join(OPERATORS)
    return f"""\
[cosmic-ray]
module-path = {json.dumps(module.file)}
timeout = {seconds + PATIENCE_SECONDS}
excluded-modules = []
test-command = {json.dumps(shlex.join(asking(socket, seconds)))}

[cosmic-ray.distributor]
name = "local"

[cosmic-ray.filters.operators-filter]
exclude-operators = [{json.dumps(f"^(?!({wanted})$).*")}]
"""


def environment(place: Path) -> dict[str, str]:
    """Point Python at the mutated copy and cosmic-ray at our own operator."""
    paths = os.pathsep.join((str(place / "src"), str(MUTATION / "plugin")))
    return {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}


def run(*words: str, place: Path) -> str:
    """Run a command of cosmic-ray's; give what it prints."""
    done = subprocess.run([COSMIC_RAY, *words], cwd=place, env=environment(place), stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"cosmic-ray {words[0]} ended with {done.returncode}")
    return done.stdout


def thin_out(session: Path, most: int, chance: random.Random) -> None:
    """Leave so many mutants of those that the filter has left, drawn; all for 0."""
    if not most:
        return
    with sqlite3.connect(session) as db:
        waiting = [
            one
            for (one,) in db.execute(
                "SELECT job_id FROM work_items WHERE job_id NOT IN (SELECT job_id FROM work_results)"
            )
        ]
        for job in (
            sorted(waiting)[:0] if len(waiting) <= most else set(waiting) - set(chance.sample(sorted(waiting), most))
        ):
            db.execute("DELETE FROM mutation_specs WHERE job_id = ?", (job,))
            db.execute("DELETE FROM work_items WHERE job_id = ?", (job,))


def outcomes(module: Module, dump: str) -> Iterator[Mutant]:
    """Read what cosmic-ray found out of each mutant."""
    for line in dump.splitlines():
        item, result = json.loads(line)
        if result is None or result["worker_outcome"] != "normal":
            continue
        spec = item["mutations"][0]
        before, after = changed(result["diff"].splitlines())
        if before.startswith("@dataclass"):  # that a value is frozen is for readers and mypy
            continue
        yield Mutant(
            module.name,
            spec["operator_name"],
            spec["start_pos"][0],
            before,
            after,
            result["test_outcome"] == "survived",
            SAID_TOO_LONG in result["output"] or result["output"] == "timeout",
        )


def changed(diff: Iterable[str]) -> tuple[str, str]:
    """Give the line that was changed, as it was and as it became."""
    lines = list(diff)
    removed = [line[1:].strip() for line in lines if line.startswith("-") and not line.startswith("---")]
    added = [line[1:].strip() for line in lines if line.startswith("+") and not line.startswith("+++")]
    return " ".join(removed), " ".join(added)


if __name__ == "__main__":
    sys.exit(main())
