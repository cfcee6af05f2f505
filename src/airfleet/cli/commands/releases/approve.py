"""``airfleet releases approve``: somebody else than its author agrees to a release; the last one needed has it live."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airfleet.cli import options
from airfleet.cli.commands.releases import rollout, signing, uptake, vouchers
from airfleet.cli.output import release_view, tables, terminal
from airfleet.cli.queries import release_records
from airfleet.errors import EXIT_OK, FleetError

if TYPE_CHECKING:
    from airfleet.cli.commands.releases.vouchers import Approvals
    from airfleet.cli.queries.release_records import ReleaseRecords
    from airfleet.releases.policies.signed_text import Signature
    from airfleet.releases.registry import Live, Release

COLUMNS = {"digest": "release", "state": "state", "approvals": "approvals"}


@dataclass(frozen=True)
class Approved:
    """The state of a release after an approval."""

    release: Release
    state: str
    approvals: Approvals

    def as_data(self) -> dict[str, Any]:
        """Return it for programs."""
        count = f"{len(self.approvals.people)}/{self.approvals.needed}"
        people = list(self.approvals.people)
        return {"digest": self.release.digest, "state": self.state, "approvals": count, "approved_by": people}


@click.command(
    "approve",
    epilog="\b\nExamples:\n  airfleet releases diff live 3f2a9c\n  airfleet releases approve 3f2a9c -m 'read it'",
)
@click.argument("release")
@options.option("-m", "--message", "note", default="", metavar="NOTE", help="Words for 'airfleet releases log'.")
@signing.sign_with
@options.timeout("60s", "How long the hosts may take to have it.")
@options.env
@options.output()
@options.project
def command(
    release: str, note: str, sign_with: str | None, timeout: float, output: str, env: str | None, project: Path | None
) -> int:
    """Approve a release that somebody else has pushed.

    RELEASE is the beginning of a digest. When as many people have approved it as fleet.yaml asks for
    ('policies: {push: {approval: 1}}'), it goes live. With 'signed_by', an approval is a signature.
    Exit code: 0 it is approved, and live if it may be; 1 it is not; 124 a host took too long.
    """
    with release_records.opened(project, env) as records:
        done = approve(records, release, note, sign_with, timeout)
    if output == "table":
        short = release_view.short(done.release.digest)
        terminal.put(f"release {short} is live" if done.state == "live" else f"release {short} {done.approvals}")
    else:
        tables.put_rows([done.as_data()], output, COLUMNS, whole=done.as_data())
    return EXIT_OK


def approve(records: ReleaseRecords, name: str, note: str, key: str | None, seconds: float) -> Approved:
    """Record an approval, and make the release live if it was the last one. Raises AirfleetError."""
    from airfleet.releases.policies import records as vouching

    began = time.monotonic()
    fleet, live = records.fleet, records.live()
    if not fleet.policies.push.approval:
        raise FleetError(
            f"fleet '{fleet.name}' asks for no approvals", "'policies: {push: {approval: 1}}' in fleet.yaml does"
        )
    found, about = records.named(name), records.about(note)
    signature = _signature(records, found, about.author, key)
    vouching.approve(records.connection, found.digest, about, signature)
    approvals = vouchers.approvals(records, found)
    if live is not None and live.digest == found.digest:
        return Approved(found, "live", approvals)
    if not approvals.are_enough:
        return Approved(found, "waiting", approvals)
    _go_live(records, found, live, rollout.Wait(seconds, began))
    return Approved(found, "live", approvals)


def _signature(records: ReleaseRecords, release: Release, author: str, key: str | None) -> Signature | None:
    """Sign an approval where that is asked for. Raises FleetError when it is one of the author's own release."""
    from airfleet.releases.policies.signed_text import Purpose

    signature = signing.signed(records, release.digest, Purpose.APPROVAL, key)
    if signature is None:
        authors = {release.about.author}
        who = author
    else:
        authors = {name for one in vouchers.of(records, release.digest).pushers for name in one.names}
        who = signature.signer
    if who in authors:
        short = release_view.short(release.digest)
        raise FleetError(f"{who} pushed release {short}, so somebody else has to approve it", "airfleet releases")
    return signature


def _go_live(records: ReleaseRecords, release: Release, live: Live | None, how: rollout.Wait) -> None:
    """Make an approved release live, unless another one went live since its push."""
    from airfleet.releases import registry

    short = release_view.short(release.digest)
    if live is not None and live.moved_at > release.created_at:
        raise FleetError(
            f"release {short} is approved, and does not go live: {release_view.short(live.digest)} went live after its "
            "push",
            hint=f"airfleet rollback {short} makes it live all the same",
        )
    rollout.until_ready(records, release.digest, how)
    rollout.make_live(records, release.digest, live, release.about, registry.Action.PUSH)
    terminal.say(f"{time.monotonic() - how.began:7.1f}s  live")
    said = uptake.told(records, release.digest, (), how.seconds)
    terminal.say(f"{time.monotonic() - how.began:7.1f}s  {said}")
