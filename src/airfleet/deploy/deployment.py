"""One deploy, from the first question to the last host: the order of everything, over hosts that are given."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TypeVar

from uv import find_uv_bin

from airfleet.deploy import facts as facts_of
from airfleet.deploy import needs, probe, problems, rollout, secret_parts, steps, version, wheel
from airfleet.deploy.facts import Facts
from airfleet.deploy.layout import Layout
from airfleet.deploy.needs import Needs
from airfleet.deploy.remote import Answer, File, Files, Remote, Unreachable
from airfleet.deploy.rollout import Change, StepFailed, Target, Terms
from airfleet.deploy.steps import LOCK, Installation, Step, Uv
from airfleet.deploy.version import Source
from airfleet.deploy.version_record import VersionRecord
from airfleet.deploy.wheels.bundle import Bundle, Kind
from airfleet.errors import FleetError
from airfleet.fleet.config.keys import PYTHONS
from airfleet.fleet.config.spec import Fleet
from airfleet.fleet.servers.secrets import Secrets

T = TypeVar("T")
#: seconds that a probe may take
_PROBE_SECONDS = 90.0
#: told what happens: host, sentence
Say = Callable[[str, str], None]


class Refused(FleetError):
    """Hosts are not as they have to be; the message has a line for each problem."""

    def __init__(self, found: Sequence[str], hint: str | None = None) -> None:
        self.problems = tuple(found)
        super().__init__("\n".join(found), hint)


@dataclass(frozen=True)
class Look:
    """The hosts as they were found, and a sentence for each that could not be asked."""

    facts: Mapping[str, Facts]
    silent: tuple[str, ...] = ()


@dataclass(frozen=True)
class Planned:
    """The way of one host to its version."""

    target: Target
    #: before anything else, the lock too
    prepare: tuple[Step, ...] = ()
    provision: tuple[Step, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether nothing has to be done."""
        return not self.prepare and not self.provision and self.target.change is Change.NOTHING


@dataclass(frozen=True)
class Deployment:
    """One deploy of a fleet to some of its hosts."""

    fleet: Fleet
    hosts: Mapping[str, Remote]
    source: Source
    say: Say
    #: the secrets of the fleet, where they are here
    secrets: Secrets | None = field(default=None, repr=False)
    #: who deploys, unique: written into locks and logs
    owner: str = ""
    parallel: int = 8
    #: whether wheels travel along, which are downloaded here, or come out of a bundle
    vendors: bool = False
    bundle: Bundle | None = None
    breaks_locks: bool = False
    health_seconds: float = 300.0
    #: whether the database of an older Airflow may be migrated
    migrates: bool = False

    # --- preflight ---------------------------------------------------------------------------------

    def look(self) -> Look:
        """Ask all hosts at once how they are."""
        asked = self._on_all(self._probed)
        silent = [f"host '{name}' {found}" for name, found in asked.items() if isinstance(found, FleetError)]
        return Look({name: found for name, found in asked.items() if isinstance(found, Facts)}, tuple(silent))

    def _probed(self, name: str) -> Facts | FleetError:
        reach = [(server.host, server.port) for server in needs.servers_of(self.fleet)]
        folder = self.fleet.deploy.folder or f"airfleet/{self.fleet.name}"
        asked_at = time.time()
        try:
            script = probe.script(folder, PYTHONS, reach, needs.programs_of(self.fleet))
            answer = self.hosts[name].run(script, seconds=_PROBE_SECONDS)
            return facts_of.parse(answer.out, asked_at, time.time())
        except Unreachable as why:
            return why
        except ValueError as why:
            return FleetError(f"{why}: {answer.last_line}")

    def needs(self) -> Needs:
        """Give what is asked of all hosts."""
        here = self.bundle.kind.python if self.bundle else python_here()
        servers = needs.servers_of(self.fleet)
        return Needs(machine(), self.fleet.deploy.python, here, servers, self.brings_wheels)

    @property
    def brings_wheels(self) -> bool:
        """Whether hosts need no registry."""
        return self.vendors or self.bundle is not None

    # --- plan --------------------------------------------------------------------------------------

    def plan(self, look: Look) -> tuple[Planned, ...]:
        """Plan every host, in the order of fleet.yaml. Raises Refused with all problems."""
        found = look.facts
        made, locked, wanted = wheel.running(), wheel.lock_text() + self.source.requirements, self.needs()
        pythons = {name: problems.python_for(facts, wanted) for name, facts in found.items()}
        names = {host: version.environment_name(made, locked, python) for host, python in pythons.items()}
        wrong = [*look.silent, *problems.find(self.fleet, found, wanted, names)]
        wrong += secret_parts.problems(self.fleet, self.secrets, found)
        wrong += [] if self.breaks_locks else _locked(found)
        if wrong:
            raise Refused(wrong)
        bringing = self._bringing(found, pythons, names, made, locked)
        return tuple(
            self._planned(host.name, found[host.name], bringing[host.name])
            for host in self.fleet.hosts
            if host.name in found
        )

    def _bringing(
        self,
        found: Mapping[str, Facts],
        pythons: Mapping[str, str],
        names: Mapping[str, str],
        made: wheel.Wheel,
        locked: str,
    ) -> Mapping[str, Installation]:
        own = {made.file_name: File(made.content, 0o644), LOCK: File(locked.encode(), 0o644)}
        new = {pythons[host] for host, facts in found.items() if names[host] not in facts.environments}
        more = {python: self._vendored(locked, python) for python in new}
        return {
            host: Installation(names[host], python, made, {**own, **more.get(python, {})}, self.brings_wheels)
            for host, python in pythons.items()
        }

    def _vendored(self, locked: str, python: str) -> Files:
        if self.bundle is not None:
            return self.bundle.wheels_for(locked, Kind(python, machine()))
        if not self.vendors:
            return {}
        from airfleet.deploy.wheels import vendored

        return vendored.download(locked, python)

    def _planned(self, host: str, facts: Facts, wanted: Installation) -> Planned:
        place = self._place(facts)
        part = secret_parts.part(self.fleet, host, self.secrets, facts.secrets)
        made = version.make(host, place, self.source, wanted.name, wanted.wheel.version, part)
        target = Target(
            host,
            place,
            facts,
            made.record,
            made.links,
            made.folders,
            part.text is not None,
            self.fleet.host(host).api_server.count > 0,
        )
        fits = facts.machine == machine()
        uv = Uv(metadata.version("uv"), {"uv": File(Path(find_uv_bin()), 0o700)} if fits else {})
        return Planned(target, steps.prepare(place, facts), steps.provision(place, facts, wanted, uv, made))

    def back(self, look: Look) -> tuple[Planned, ...]:
        """Plan the way to the version before, of every host. Raises Refused."""
        found = look.facts
        wrong = [*look.silent]
        wrong += [f"host '{name}' has no version before" for name, facts in found.items() if facts.previous is None]
        wrong += [] if self.breaks_locks else _locked(found)
        if wrong:
            raise Refused(wrong)
        chosen = [host.name for host in self.fleet.hosts if host.name in found]
        return tuple(Planned(self._to_previous(name, found[name])) for name in chosen)

    def _place(self, facts: Facts) -> Layout:
        return Layout(facts.folder, is_open=self.fleet.task_user is not None)

    def _to_previous(self, host: str, facts: Facts) -> Target:
        serves = self.fleet.host(host).api_server.count > 0
        return Target(host, self._place(facts), facts, facts.previous or VersionRecord(""), serves=serves)

    @property
    def terms(self) -> Terms:
        """Give what holds for all hosts."""
        return Terms(self.fleet.deploy.drain_seconds, self.health_seconds, self.owner, self.migrates)

    # --- do ----------------------------------------------------------------------------------------

    def carry_out(self, planned: Sequence[Planned]) -> None:
        """Bring every host to its version. Raises FleetError; hosts that failed are back at what they had."""
        todo = [one for one in planned if not one.is_done]
        for one in todo:
            for step in one.prepare:
                self._run(one.target.host, step)
        with self._locks({one.target.host: one.target.place for one in todo}):
            self._provision([one for one in todo if one.provision])
            self._roll_out([one.target for one in todo if one.target.change is not Change.NOTHING])
            for one in todo:
                self._tidy(one.target)

    def retire(self, host: str, facts: Facts) -> None:
        """Drain a host that leaves the fleet, and end its part for good. Raises FleetError."""
        place = self._place(facts)
        with self._locks({host: place}):
            for step in steps.retire(place, facts, self.fleet.name, self.terms.drain):
                self._run(host, step)
            self._run(host, steps.note(place, f"{self.owner}: the host has left the fleet"))

    def bury(self, host: str, among: Mapping[str, Facts]) -> None:
        """Tell the fleet that the machine of a host is off; a host that runs says so. Raises FleetError."""
        teller = next((name for name, facts in among.items() if facts.runs and name != host), None)
        if teller is None:
            raise FleetError(f"no other host of fleet '{self.fleet.name}' runs: nobody can be told that it is off")
        self._run(teller, steps.bury(self._place(among[teller]), host))

    def _provision(self, planned: Sequence[Planned]) -> None:
        """Bring environments and files to several hosts at a time. Raises FleetError with all that failed."""
        by_name = {one.target.host: one for one in planned}
        failed = [str(why) for why in self._on_all(lambda name: self._provided(by_name[name]), by_name).values() if why]
        if failed:
            raise FleetError("\n".join(failed), hint="nothing that runs was touched")

    def _provided(self, one: Planned) -> FleetError | None:
        try:
            for step in one.provision:
                self._run(one.target.host, step)
        except FleetError as why:
            return why
        return None

    def _roll_out(self, targets: Sequence[Target]) -> None:
        why = rollout.why_together(targets)
        if why and len(targets) > 1:
            self.say("", f"all hosts change together: the new version {why}")
        change = rollout.together if why else rollout.by_turns
        change(targets, self.fleet.name, self.terms, self._run)

    def _tidy(self, target: Target) -> None:
        before = target.facts.current if target.change is Change.SWITCH else target.facts.previous
        kept = [one for one in (target.record, before) if one is not None]
        self._run(target.host, steps.tidy(target.place, [m.name for m in kept], [m.environment for m in kept]))

    def _run(self, host: str, step: Step) -> Answer:
        """Run a step, and say how long it took. Raises StepFailed or FleetError."""
        began = time.monotonic()
        try:
            answer = self.hosts[host].run(step.script, step.files, step.seconds)
        except Unreachable as why:
            raise FleetError(f"host '{host}': {step.says}: it {why.sentence}", why.hint) from None
        if answer.code:
            raise StepFailed(host, step, answer)
        if step.says != _NOTED:
            self.say(host, f"{step.says}: {time.monotonic() - began:.1f} s")
        return answer

    @contextmanager
    def _locks(self, places: Mapping[str, Layout]) -> Iterator[None]:
        """Hold the locks of hosts. Raises Refused when somebody has one."""
        held: dict[str, Layout] = {}
        try:
            for host, place in places.items():
                step = steps.lock(place, self.owner, breaks=self.breaks_locks)
                answer = self.hosts[host].run(step.script)
                if answer.code not in (0, steps.TAKEN):
                    raise StepFailed(host, step, answer)
                if answer.code:
                    raise Refused([_taken(host, answer.last_line)], _BREAK)
                held[host] = place
            yield
        finally:
            for host, place in held.items():
                step = steps.unlock(place, self.owner)
                with suppress(Unreachable):  # it has gone meanwhile; whoever deploys next is told of the lock
                    self.hosts[host].run(step.script)

    def _on_all(
        self, act: Callable[[str], T], names: Sequence[str] | Mapping[str, object] | None = None
    ) -> dict[str, T]:
        chosen = list(self.hosts if names is None else names)
        with ThreadPoolExecutor(max(1, self.parallel)) as pool:
            return dict(zip(chosen, pool.map(act, chosen), strict=True))


def python_here() -> str:
    """Give the minor version of the Python that runs here."""
    return ".".join(platform.python_version_tuple()[:2])


def machine() -> str:
    """Name this kind of machine as ``uname -m`` does on Linux."""
    name = platform.machine()
    return name if platform.system() == "Linux" else f"{platform.system()} {name}"


_NOTED = "note it in deploy.log"
_BREAK = "when that deploy has died, 'airfleet deploy --break-lock' goes on"


def _taken(host: str, owner: str) -> str:
    return f"host '{host}' is being deployed by {owner}"


def _locked(found: Mapping[str, Facts]) -> list[str]:
    return [_taken(name, facts.lock) for name, facts in found.items() if facts.lock]
