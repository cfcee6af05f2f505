"""Judgements of files and versions, as whole sentences."""

from __future__ import annotations

import pytest

from airfleet.agent.control import Edited, Snapshot, Unapplied
from airfleet.doctor import advisories
from airfleet.doctor.facts import Damage, FileCheck, Installed
from airfleet.doctor.finding import Seen, State
from airfleet.doctor.judgements import files
from airfleet.versions import VersionDifference

WRONG, WARNING, FINE = State.WRONG, State.WARNING, State.FINE


@pytest.mark.parametrize(
    ("found", "seen"),
    [
        (FileCheck(0), Seen(FINE, "fleet.yaml has no problems")),
        (
            FileCheck(1, "fleet.yaml:3:1: workrs: unknown key"),
            Seen(WRONG, "fleet.yaml has 1 problem, first: fleet.yaml:3:1: workrs: unknown key",
                 "airfleet check fleet.yaml"),
        ),
        (
            FileCheck(2, "fleet.yaml:1:1: no"),
            Seen(WRONG, "fleet.yaml has 2 problems, first: fleet.yaml:1:1: no", "airfleet check fleet.yaml"),
        ),
    ],
)  # fmt: skip
def test_problems_of_fleet_yaml(found: FileCheck, seen: Seen) -> None:
    assert files.fleet_file(found) == (seen,)


@pytest.mark.parametrize(
    ("found", "seen"),
    [
        (FileCheck(0, files=1), Seen(FINE, "no problem in 1 file of pipelines")),
        (FileCheck(1, files=7), Seen(WRONG, "1 problem in 7 files of pipelines", "airfleet check")),
        (FileCheck(12, files=1), Seen(WRONG, "12 problems in 1 file of pipelines", "airfleet check")),
    ],
)
def test_problems_of_pipelines_are_counted(found: FileCheck, seen: Seen) -> None:
    assert files.pipelines(found) == (seen,)


def test_versions_that_airfleet_was_not_made_for() -> None:
    found = (VersionDifference("celery", "5.6.3", "5.6.4"), VersionDifference("flower", "2.2.0", None))
    sentence = (
        "celery 5.6.4 is installed; this airfleet was made for 5.6.3; "
        "flower is not installed; this airfleet was made for 2.2.0"
    )
    assert files.versions(found) == (Seen(WRONG, sentence, "python -m pip install celery==5.6.3 flower==2.2.0"),)
    assert files.versions(()) == (Seen(FINE, "the versions are those that airfleet was made for"),)


def running(**changes: object) -> Snapshot:
    return Snapshot("shop", "ready", 7, "/home", edited=Edited(**changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("snapshot", "seen"),
    [
        (running(), (Seen(FINE, "the fleet runs with the files and libraries that are here"),)),
        (
            running(is_wrong=True),
            (Seen(WRONG, "fleet.yaml was edited, and the fleet could not start with it", "airfleet check"),),
        ),
        (
            running(
                unapplied=(Unapplied("worker", "~"), Unapplied("flower", "+")), libraries=("celery 5.6.3 → 5.6.4",)
            ),
            (
                Seen(WARNING, "fleet.yaml was edited and is not in force (worker, flower)", "airfleet plan"),
                Seen(WRONG, "libraries changed while the fleet runs: celery 5.6.3 → 5.6.4",
                     "airfleet down, then airfleet up"),
            ),
        ),
    ],
)  # fmt: skip
def test_files_that_are_not_in_force(snapshot: Snapshot, seen: tuple[Seen, ...]) -> None:
    assert files.in_force(snapshot) == seen


def test_a_version_with_a_known_vulnerability_is_named_with_the_date_of_the_list() -> None:
    date = advisories.load().date
    sentence = (
        "valkey 9.0.3 has CVE-2026-25243 (invalid access to memory by RESTORE), fixed in 9.0.4, says the offline list"
        f" of {date}"
    )
    seen = files.vulnerabilities(Installed({"valkey": "9.0.3", "apache-airflow-core": "3.3.2"}))
    assert Seen(WRONG, sentence, "upgrade valkey") in seen
    assert len(seen) == 3


def test_versions_without_an_entry_are_fine_and_the_list_says_that_it_is_not_complete() -> None:
    known = advisories.load()
    seen = files.vulnerabilities(Installed({"valkey": "9.1.2", "apache-airflow-core": "3.3.2"}))
    told = f"no entry of the offline list of {known.date} ({len(known.advisories)} entries, not complete)"
    assert seen == (Seen(FINE, f"{told} concerns what is installed"),)


def test_what_a_distribution_has_fixed_without_a_new_version_is_no_vulnerability_any_more() -> None:
    open_ones = files.vulnerabilities(Installed({"valkey": "9.0.3"}))
    fixed = [one.id for one, _ in advisories.matching(advisories.load().advisories, {"valkey": "9.0.3"})]
    assert len(open_ones) == len(fixed) == 3
    left = files.vulnerabilities(Installed({"valkey": "9.0.3"}, frozenset(fixed[1:])))
    assert left == open_ones[:1]
    (none,) = files.vulnerabilities(Installed({"valkey": "9.0.3"}, frozenset(fixed)))
    assert none.state is FINE
    assert none.sentence.endswith(f"has the fixes of {', '.join(fixed)}, which a server has once it is restarted")


def test_files_that_are_damaged() -> None:
    found = Damage("/srv/.airfleet/ports.json is damaged", "delete it: free ports are looked for again")
    assert files.damage((found,)) == (Seen(WRONG, found.sentence, found.next),)
    assert files.damage(()) == (Seen(FINE, "the files that the fleet keeps can be read"),)
