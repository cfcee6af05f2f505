"""Judgements of ports, addresses, names and certificates."""

from __future__ import annotations

from collections.abc import Iterator

from airfleet.doctor.facts import CertificateFacts, Listener, Reached, Resolved
from airfleet.doctor.finding import Seen, fine, seen_or, warning, wrong

#: days before its end from which a certificate is a warning, and from which it is wrong
SOON_DAYS, NOW_DAYS = 30, 7


def listeners(found: tuple[Listener, ...]) -> tuple[Seen, ...]:
    """Judge whether each component with an address listens there, and nobody else."""
    if not found:
        return (fine("fleet.yaml gives no component a port of its own"),)
    listen = any(one.is_expected for one in found)
    well = f"all {len(found)} components listen" if listen else f"all {len(found)} ports of fleet.yaml are free"
    return seen_or((seen for one in found for seen in _listener(one)), well)


def _listener(one: Listener) -> Iterator[Seen]:
    place = f"{one.address}:{one.port}"
    if one.held_by and not one.is_ours:
        yield wrong(f"{one.held_by} listens on {place}, which is for {one.component}", "end it, then airfleet up")
    elif not one.is_ours and one.is_expected:
        yield wrong(f"nothing listens on {place}, which is for {one.component}", f"airfleet logs {one.component}")


def reached(found: tuple[Reached, ...]) -> tuple[Seen, ...]:
    """Judge which addresses take a connection; where one of a group does, the others are a warning."""
    if not found:
        return (fine("fleet.yaml names no address elsewhere"),)
    answering = {one.group for one in found if not one.error}
    places = f"all {len(found)} addresses" if len(found) > 1 else f"{found[0].what} at {found[0].place}"
    return seen_or((_away(one, one.group in answering) for one in found if one.error), f"{places} can be reached")


def _away(one: Reached, others_answer: bool) -> Seen:
    host, _, port = one.place.rpartition(":")
    sentence = f"{one.what} at {one.place} cannot be reached: {one.error}"
    return (warning if one.group and others_answer else wrong)(sentence, f"nc -vz {host.strip('[]')} {port}")


def names(found: tuple[Resolved, ...]) -> tuple[Seen, ...]:
    """Judge whether names of fleet.yaml have addresses on this host."""
    if not found:
        return (fine("fleet.yaml names no host by a name that has to be looked up"),)
    return seen_or((_name(one) for one in found if one.error), f"all {len(found)} names have addresses")


def _name(one: Resolved) -> Seen:
    sentence = f"the name '{one.name}' ({one.key} in fleet.yaml) has no address here: {one.error}"
    # People reach a proxy by its name from elsewhere; the fleet itself does not ask for it.
    return (warning if one.key == "proxy" else wrong)(sentence, f"getent hosts {one.name}")


def certificates(found: tuple[CertificateFacts, ...]) -> tuple[Seen, ...]:
    """Judge certificates: readable, in time, for the right name, with the right key and chain."""
    if not found:
        return (fine("fleet.yaml names no certificate"),)
    least = min(one.days_left for one in found)
    return seen_or(
        (seen for one in found for seen in _certificate(one)), f"certificates are valid for {least:.0f} days or more"
    )


def _certificate(one: CertificateFacts) -> Iterator[Seen]:
    renew = f"renew {one.file}, then airfleet down and up"
    if one.error:
        yield wrong(f"{one.file} cannot be used: {one.error}", "see proxy.tls or the broker's ca and cert")
        return
    if one.days_left < 0:
        yield wrong(f"{one.file} has expired {-one.days_left:.1f} days ago", renew)
    elif one.days_left < SOON_DAYS:
        judge = wrong if one.days_left < NOW_DAYS else warning
        yield judge(f"{one.file} expires in {one.days_left:.1f} days", renew)
    if not one.key_fits:
        yield wrong(f"the key of {one.file} belongs to another certificate", "see proxy.tls.key in fleet.yaml")
    if not one.chain_holds:
        yield wrong(f"a certificate of {one.file} is not signed by the next one", "put them in order, ours first")
    if one.wanted and not _covers(one.names, one.wanted):
        has = ", ".join(one.names) or "no name"
        yield wrong(f"{one.file} is for {has}, and people ask for {one.wanted}", renew)


def _covers(names: tuple[str, ...], wanted: str) -> bool:
    parent = wanted.partition(".")[2]
    return wanted in names or (bool(parent) and f"*.{parent}" in names)
