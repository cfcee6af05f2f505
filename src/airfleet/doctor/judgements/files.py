"""Judgements of files and of what is installed."""

from __future__ import annotations

from collections.abc import Sequence

from airfleet.agent.control import Snapshot
from airfleet.doctor import advisories
from airfleet.doctor.facts import Damage, FileCheck, Installed
from airfleet.doctor.finding import Seen, fine, seen_or, warning, wrong
from airfleet.errors import listed
from airfleet.versions import VersionDifference, install_line

_CHECK = "airfleet check"


def fleet_file(found: FileCheck) -> tuple[Seen, ...]:
    """Judge the problems of fleet.yaml."""
    if not found.problems:
        return (fine("fleet.yaml has no problems"),)
    counted = "1 problem" if found.problems == 1 else f"{found.problems} problems"
    return (wrong(f"fleet.yaml has {counted}, first: {found.first}", "airfleet check fleet.yaml"),)


def pipelines(found: FileCheck) -> tuple[Seen, ...]:
    """Count the problems of pipelines, as the command that lists them does."""
    files = "1 file" if found.files == 1 else f"{found.files} files"
    if not found.problems:
        return (fine(f"no problem in {files} of pipelines"),)
    counted = "1 problem" if found.problems == 1 else f"{found.problems} problems"
    return (wrong(f"{counted} in {files} of pipelines", _CHECK),)


def versions(found: tuple[VersionDifference, ...]) -> tuple[Seen, ...]:
    """Judge the installed distributions that airfleet was made for."""
    if not found:
        return (fine("the versions are those that airfleet was made for"),)
    return (wrong("; ".join(map(str, found)), install_line(found)),)


def in_force(snapshot: Snapshot) -> tuple[Seen, ...]:
    """Judge whether the fleet runs with the files and libraries that are there now."""
    edited, found = snapshot.edited, []
    again = "airfleet down, then airfleet up"
    if edited.is_wrong:
        found.append(wrong("fleet.yaml was edited, and the fleet could not start with it", _CHECK))
    elif edited.unapplied:
        names = listed([one.component for one in edited.unapplied], 3)
        found.append(warning(f"fleet.yaml was edited and is not in force ({names})", "airfleet plan"))
    if edited.libraries:
        changed = listed(edited.libraries, 3)
        found.append(wrong(f"libraries changed while the fleet runs: {changed}", again))
    return seen_or(found, "the fleet runs with the files and libraries that are here")


def vulnerabilities(found: Installed) -> tuple[Seen, ...]:
    """Judge installed versions by the list of known vulnerabilities that airfleet ships with."""
    known = advisories.load()
    matching = list(advisories.matching(known.advisories, found.versions))
    hits = [hit for hit in matching if hit[0].id not in found.fixed]
    dated = f"the offline list of {known.date}"
    return seen_or(
        (
            wrong(
                f"{one.product} {version} has {one.id} ({one.title}), fixed in {one.fixed_for(version)}, says {dated}",
                f"upgrade {one.product}",
            )
            for one, version in hits
        ),
        f"no entry of {dated} ({len(known.advisories)} entries, not complete) concerns what is installed"
        + _taken_back([one.id for one, _ in matching if one.id in found.fixed]),
    )


def _taken_back(fixed: Sequence[str]) -> str:
    """Name what a distribution has fixed without a new version; empty for nothing."""
    if not fixed:
        return ""
    return f"; the distribution's package has the fixes of {', '.join(fixed)}, which a server has once it is restarted"


def damage(found: tuple[Damage, ...]) -> tuple[Seen, ...]:
    """Judge files that the fleet keeps beside its data."""
    return seen_or((wrong(one.sentence, one.next) for one in found), "the files that the fleet keeps can be read")
