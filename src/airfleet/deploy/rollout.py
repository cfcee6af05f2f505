"""Which hosts change, in what order, and what is done when one of them fails: pure but for the steps that are run.

::

    by turns     drain, stop, switch, start, healthy?  ── yes ──> the next host
                                                  │
                                                  no ──> back to what it had; the rest stays as it is

                 fleet.yaml differs by single hosts, and says the same of this one: switch, and it runs on

    together     all stop, those with an api-server last; all switch; the first starts, healthy? ── yes ──> the next
                                                                                            │
                                                                                            no ──> all go back

Hosts change together when the old version and the new one cannot run beside one another: another airfleet, Airflow,
or rules of the fleet. Tasks that wait stay in the queue meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

from airfleet.deploy import layout, steps
from airfleet.deploy.facts import Facts
from airfleet.deploy.layout import Layout
from airfleet.deploy.remote import Answer
from airfleet.deploy.steps import Step
from airfleet.deploy.version_record import VersionRecord
from airfleet.errors import FleetError

#: lines that are shown of a step that has failed
LAST_LINES = 12
#: runs a step on a host. Raises StepFailed
Run = Callable[[str, Step], Answer]


class Change(StrEnum):
    """The change of a host."""

    NOTHING = "nothing"
    #: it has the version, and does not run, or not well: what runs of it goes on
    START = "start"
    SWITCH = "switch"


@dataclass(frozen=True)
class Target:
    """A host, as it is and as it shall be."""

    host: str
    place: Layout
    facts: Facts
    record: VersionRecord
    links: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    #: whether it gets other secrets than it has
    brings_secrets: bool = False
    #: whether it has an api-server
    serves: bool = False

    @property
    def may_run_on(self) -> bool:
        """Whether fleet.yaml may say the same of it as before: it runs well, and other hosts alone may be meant."""
        current = self.facts.current
        is_same = current is not None and self.record.differs_by_hosts_alone(current)
        return is_same and self.facts.is_well and not self.brings_secrets and self.change is Change.SWITCH

    @property
    def change(self) -> Change:
        """Compare what is with what shall be."""
        current = self.facts.current
        if current is None or current.name != self.record.name or self.brings_secrets:
            return Change.SWITCH
        return Change.NOTHING if self.facts.is_well else Change.START


@dataclass(frozen=True)
class Terms:
    """Seconds that running tasks may take to end, and that a host may take to become healthy; and who deploys."""

    drain: float
    health: float
    owner: str = ""
    #: whether the database of an older Airflow is migrated
    migrates: bool = False


class StepFailed(FleetError):
    """A step did not end well; ``answer`` is what the host said."""

    def __init__(self, host: str, step: Step, answer: Answer) -> None:
        self.host, self.step, self.answer = host, step, answer
        super().__init__("\n".join((f"host '{host}': {step.says}:", *(f"  {line}" for line in _last(answer)))))


def _last(answer: Answer) -> list[str]:
    """Give the last lines that a host said, of a command that has failed."""
    lines = [line.rstrip() for line in (answer.err.strip() or answer.out.strip()).splitlines() if line.strip()]
    return lines[-LAST_LINES:] or [f"exit code {answer.code}"]


def why_together(targets: Sequence[Target]) -> str:
    """Say why hosts cannot change by turns, as a sentence; empty when they can."""
    running = [one for one in targets if one.facts.runs and one.facts.current]
    for one in (one for one in targets if one.change is Change.SWITCH):
        for other in running:
            if other.host != one.host and other.facts.current and (why := one.record.excludes(other.facts.current)):
                return why.removeprefix("does not join: it ").replace(" than ''", "")
        if one.brings_secrets and one.facts.secrets and len(running) > 1:
            return "has other secrets"
    return ""


def turn(target: Target, fleet: str, terms: Terms) -> tuple[Step, ...]:
    """Give the steps that bring one host to its version, the whole way; those after a comparison may not be needed."""
    if target.may_run_on:
        asked = (*_switching(target, terms), steps.compare(target.place, target.host))
        return (*asked, *_ending(target, terms), _starting(target, fleet, terms))
    return (*_ending(target, terms), *_switching(target, terms), _starting(target, fleet, terms))


def _ending(target: Target, terms: Terms) -> tuple[Step, ...]:
    ends = target.facts.current is not None and target.change is Change.SWITCH
    return (steps.stop(target.place, terms.drain),) if ends else ()


def _switching(target: Target, _: Terms) -> tuple[Step, ...]:
    if target.change is Change.START:
        return ()
    before = target.facts.current.name if target.facts.current else ""
    return (steps.switch(target.place, target.record.name, before, target.links, target.folders),)


def _starting(target: Target, fleet: str, terms: Terms) -> Step:
    return steps.start(target.place, target.facts, fleet, terms.health, terms.drain, migrates=terms.migrates)


def back(target: Target, fleet: str, terms: Terms) -> tuple[Step, ...]:
    """Give the steps that bring a host back to what it had."""
    facts, place = target.facts, target.place
    if facts.current is None:
        return (steps.stop(place, terms.drain), steps.clear(place, (*target.links, layout.COMMAND)))
    previous = facts.previous.name if facts.previous else ""
    ended = (steps.stop(place, terms.drain), steps.restore(place, facts.current.name, previous))
    return (*ended, _starting(target, fleet, terms)) if facts.runs else ended


def by_turns(targets: Sequence[Target], fleet: str, terms: Terms, run: Run) -> None:
    """Bring one host after the other to its version; one that fails goes back, the rest stays. Raises FleetError."""
    for number, target in enumerate(targets):
        try:
            _run_all(target, turn(target, fleet, terms), terms, run)
        except FleetError as failed:
            rest = targets[number + 1 :]
            raise _gone_back(failed, [target], rest, fleet, terms, run) from None


def together(targets: Sequence[Target], fleet: str, terms: Terms, run: Run) -> None:
    """Stop all hosts, then start one after the other in its version; all go back when one fails. Raises FleetError."""
    try:
        # Tasks need an api-server to report their end, so the hosts that have one stop last.
        for serves in (False, True):
            _end_all([target for target in targets if target.serves is serves], terms, run)
        for target in targets:
            _run_all(target, _switching(target, terms), terms, run)
        for target in targets:
            _run_all(target, (_starting(target, fleet, terms),), terms, run)
    except FleetError as failed:
        raise _gone_back(failed, targets, (), fleet, terms, run) from None


def _end_all(targets: Sequence[Target], terms: Terms, run: Run) -> None:
    """Stop some hosts at the same time: each may wait long for its tasks."""
    with ThreadPoolExecutor(max(1, len(targets))) as pool:
        list(pool.map(lambda target: _run_all(target, _ending(target, terms), terms, run), targets))


def _run_all(target: Target, steps_of: Sequence[Step], terms: Terms, run: Run) -> None:
    done: list[str] = []
    for step in steps_of:
        answer = run(target.host, step)
        done.append(step.says)
        if step == steps.compare(target.place, target.host) and steps.changes_nothing(answer.out):
            break
    if done:
        run(target.host, steps.note(target.place, f"{terms.owner}: {target.record.name}: {', '.join(done)}"))


def _gone_back(
    failed: FleetError, targets: Sequence[Target], rest: Sequence[Target], fleet: str, terms: Terms, run: Run
) -> FleetError:
    """Bring hosts back, and say how they are now."""
    said = [str(failed)]
    for target in targets:
        try:
            for step in back(target, fleet, terms):
                run(target.host, step)
            line = f"{terms.owner}: {target.record.name} failed, and the host has gone back: {failed.sentence}"
            run(target.host, steps.note(target.place, " ".join(line.split())))
            said.append(f"host '{target.host}' {_had(target)}")
        except FleetError as again:
            said.append(f"host '{target.host}' could not go back: {again}")
    said += [f"host '{one.host}' was not touched" for one in rest]
    return FleetError("\n".join(said), hint="'airfleet deploy' again, once the reason is gone")


def _had(target: Target) -> str:
    current = target.facts.current
    if current is None:
        return "is back at what it had: nothing"
    ran = "runs" if target.facts.runs else "has"
    return f"{ran} {current.name} again, as before"
