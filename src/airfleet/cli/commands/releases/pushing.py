"""A push: the folder is read and examined, its files are sent, each host fetches them, and the pointer moves."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from airfleet.cli.commands.releases import differences, gate, own_python, rollout, signing, uptake, vouchers
from airfleet.cli.output import release_view, terminal
from airfleet.cli.queries import file_versions, release_changes, release_records
from airfleet.client.project import Project
from airfleet.errors import FileProblems, FleetError, UsageError
from airfleet.releases.stores.objects import DATABASE_STORE
from airfleet.yaml.sizes import size_text

if TYPE_CHECKING:
    from airfleet.cli.commands.releases.rollout import HostProgress
    from airfleet.cli.queries.checked_files import Memory
    from airfleet.cli.queries.release_changes import ReleaseChanges
    from airfleet.cli.queries.release_records import ReleaseRecords
    from airfleet.fleet.config.spec import Fleet
    from airfleet.releases.push_lock import Lock
    from airfleet.releases.registry import About, Live
    from airfleet.releases.tree import Tree


#: states of a release after a push
LIVE, WAITING = "live", "waiting for approval"


@dataclass(frozen=True)
class PushOptions:
    """The way to push that a person chose."""

    note: str = ""
    #: a commit of git; empty for the folder as it is
    revision: str = ""
    force: bool = False
    wait: bool = True
    timeout: float = 60.0
    #: whether the tests of pipelines run, too
    tests: bool = True
    #: whether the wheels of its Python environments travel along
    vendor: bool = False
    #: whether what the store has is read, and sent again where it is damaged
    verify: bool = False
    #: the key to sign with, in place of that of the environment
    sign_with: str | None = None
    #: what earlier checks have found
    memory: Memory | None = None
    #: whether nothing is told of its steps
    quiet: bool = False


@dataclass
class Pushed:
    """The result of a push."""

    digest: str = ""
    state: str = ""
    note: str = ""
    files: int = 0
    size: int = 0
    sent_objects: int = 0
    has_changed: bool = False
    hosts: tuple[HostProgress, ...] = ()
    #: by the name of each step
    seconds: dict[str, float] = field(default_factory=dict)

    def as_data(self) -> dict[str, Any]:
        """Return it for programs."""
        rounded = {name: round(seconds, 3) for name, seconds in self.seconds.items()}
        return {**vars(self), "hosts": rollout.as_data(self.hosts), "seconds": rounded}


def push(here: Project, options: PushOptions) -> Pushed:
    """Push the project, and tell of each step. Raises AirfleetError when it did not become live."""
    from airfleet.releases import push_lock

    fleet = release_records.fleet_of(here)
    with _source(here, fleet, options.revision) as folder, release_records.of(here, fleet) as records:
        about = records.about(options.note, _commit(here, options.revision))
        with push_lock.hold(records.connect, about) as lock:
            done = _Push(folder, records, options, about, lock, Steps(quiet=options.quiet)).of_folder()
        _collect(records)
        return done


@dataclass(frozen=True)
class _Push:
    """A push that holds the lock."""

    folder: Project
    records: ReleaseRecords
    options: PushOptions
    about: About
    lock: Lock
    steps: Steps

    def of_folder(self) -> Pushed:
        """Push the folder with its environments."""
        read, vendor = _read(self.folder, self.records.fleet), self.options.vendor
        with own_python.with_environments(read, self.folder, self.records, vendor=vendor) as whole:
            if whole.made:
                count = len(whole.manifest.environments)
                self.steps.end("lock", f"locked {count} Python {'environment' if count == 1 else 'environments'}")
            return self._of(whole)

    def _of(self, read: Tree) -> Pushed:
        before = self.records.live()
        done = Pushed(read.manifest.digest, LIVE, self.options.note, len(read.manifest.files), read.manifest.size)
        if before is not None and before.digest == done.digest:
            self._leave(read, done)
            return done
        done.has_changed = True
        if self.options.wait:
            rollout.living(self.records)  # before anything that takes long
        dag_ids = _examine(self.folder, self.records.fleet, self.options, self.steps)
        _require_room(read, self.records)
        done.sent_objects = self._publish(read)
        sent = f"sent {done.sent_objects} of {done.files} files of release {release_view.short(done.digest)}"
        self.steps.end("send", sent)
        done.state = self._go_live(done, before) if self.options.wait else "published"
        if done.state == LIVE:
            self.steps.end("uptake", uptake.told(self.records, done.digest, dag_ids, self.options.timeout))
        done.seconds = self.steps.seconds
        return done

    def _leave(self, read: Tree, done: Pushed) -> None:
        """Leave what is live as it is, but for damage in the store, and a signature by a newer key."""
        if not self.options.quiet:
            _say_unchanged(done.digest)
        if self.options.verify:
            done.sent_objects = self._publish(read)
            self.steps.end("verify", f"the store has all {done.files} files, {done.sent_objects} were sent again")
        elif signature := signing.renewed(self.records, done.digest, self.options.sign_with):
            self.steps.end("sign", f"signed anew as {signature.signer}")

    def _publish(self, read: Tree) -> int:
        """Sign the release where that is asked for, and publish it; return how many objects were sent."""
        from airfleet.releases import publisher
        from airfleet.releases.policies.signed_text import Purpose

        signature = signing.signed(self.records, read.manifest.digest, Purpose.RELEASE, self.options.sign_with)
        if signature is not None:
            self.steps.end("sign", f"signed as {signature.signer}")
        connection, record = self.records.connection, signing.Recording(signature)
        verify = self.options.verify
        return publisher.publish(read, self.records.objects, connection, self.about, verify=verify, record=record)

    def _go_live(self, done: Pushed, before: Live | None) -> str:
        """Wait for the hosts, and move the pointer, unless approvals are missing; return the state."""
        from airfleet.releases import registry

        published = registry.find(self.records.connection, done.digest)
        quiet = self.options.quiet
        how = rollout.Wait(self.options.timeout, self.steps.began, published.created_at, quiet=quiet)
        done.hosts = rollout.until_ready(self.records, done.digest, how)
        self.steps.end("ready", f"ready on {len(done.hosts)} {'host' if len(done.hosts) == 1 else 'hosts'}")
        self.lock.check()
        approvals = vouchers.approvals(self.records, published)
        if not approvals.are_enough:
            self.steps.end("approval", str(approvals))
            return WAITING
        rollout.make_live(self.records, done.digest, before, self.about, registry.Action.PUSH)
        self.steps.end("live", "live")
        return LIVE


def require_no_approval(here: Project) -> None:
    """Raise UsageError where somebody else has to approve each release: nothing that is saved would be live."""
    if release_records.fleet_of(here).policies.push.approval:
        raise UsageError(
            "--watch makes each saved file live, and this fleet asks for approval ('policies.push.approval')"
        )


def would_change(here: Project, options: PushOptions, output: str) -> None:
    """Check the project, and print what a push would change. Raises AirfleetError when one would be refused."""
    fleet = release_records.fleet_of(here)
    source, opened = _source(here, fleet, options.revision), release_records.of(here, fleet)
    with source as folder, opened as records, contextlib.ExitStack() as made:
        whole = own_python.with_environments(_read(folder, fleet), folder, records, vendor=options.vendor)
        read = made.enter_context(whole)
        live = records.live()
        if live is not None and live.digest == read.manifest.digest:
            _say_unchanged(live.digest)
        else:
            _examine(folder, fleet, options, Steps())
        differences.put(_between(live, read, records), output)


def _between(live: Live | None, read: Tree, records: ReleaseRecords) -> ReleaseChanges:
    here = {file.digest for file in read.manifest.files}
    return release_changes.between(
        records.manifest(live.digest) if live is not None else None,
        read.manifest,
        lambda file: b"".join(read.content(file)) if file.digest in here else records.content(file),
        {**records.here.environ, **records.fleet.task_environment},
    )


def _say_unchanged(digest: str) -> None:
    terminal.say(f"nothing has changed: release {release_view.short(digest)} is live already")


def _examine(folder: Project, fleet: Fleet, options: PushOptions, steps: Steps) -> tuple[str, ...]:
    """Check and test a project; return its Dags. Raises FleetError when something is wrong, unless it is forced."""
    passed = gate.check(folder, fleet, force=options.force, memory=options.memory)
    steps.end(passed.name, passed.sentence)
    if options.tests:
        for tested in gate.tests(folder, fleet, force=options.force):
            steps.end(tested.name, tested.sentence)
    return passed.dag_ids


def _read(folder: Project, fleet: Fleet) -> Tree:
    """Read what would travel. Raises FileProblems, and FleetError when the pipelines lie elsewhere."""
    from airfleet.releases import tree

    if Path(fleet.pipelines).is_absolute() or ".." in Path(fleet.pipelines).parts:
        raise FleetError(
            f"the pipelines are in {fleet.pipelines}, and a release has only what is below {folder.root}",
            hint="'pipelines: FOLDER' in fleet.yaml names one beside it",
        )
    read = tree.read(folder.root, fleet.pipelines, never=_own(folder, fleet))
    if read.problems:
        raise FileProblems(read.problems)
    return read


def _own(folder: Project, fleet: Fleet) -> Iterator[Path]:
    """Name what is the fleet's own, in a commit of the project, too: its secrets, store, state, and who may sign.

    Each host has its own file of allowed signers, as of fleet.yaml.
    """
    from airfleet.releases.stores import opening

    signers = fleet.policies.push.signed_by
    for place in (fleet.secrets_folder, opening.folder_of(fleet.releases.store), folder.paths.home, signers):
        if place:
            path = Path(place)
            yield path.relative_to(fleet.root) if path.is_relative_to(fleet.root) else path


def _require_room(read: Tree, records: ReleaseRecords) -> None:
    """Raise FleetError when the database would hold more than its budget of releases."""
    told = records.fleet.releases
    if told.store != DATABASE_STORE:
        return
    sizes = {file.digest: file.size for file in read.manifest.files}
    used, more = records.objects.size(), sum(sizes[digest] for digest in records.objects.missing(sizes))
    if more and used + more > told.budget_bytes:
        raise FleetError(
            f"all releases have {release_view.size(used)} in the database, and this one would add "
            f"{release_view.size(more)}: the budget is {size_text(told.budget_bytes)}",
            hint="'releases: {budget: SIZE}' in fleet.yaml raises it, 'keep' keeps fewer, and 'store' names another "
            "place",
        )


@contextmanager
def _source(here: Project, fleet: Fleet, revision: str) -> Iterator[Project]:
    """Yield the project that travels: the folder, or a commit with the fleet.yaml that is here."""
    if not revision:
        with named_files(here.root):
            yield here
        return
    with file_versions.project_at(here.root, revision) as folder:
        for file in here.root.glob("fleet*.yaml"):
            shutil.copyfile(file, folder / file.name)
        with contextlib.chdir(folder):  # problems name files as they are called in the commit
            yield Project(folder, here.environ)


@contextmanager
def named_files(root: Path) -> Iterator[None]:
    """Name the file of a project that went away, or cannot be read any more, while it was examined."""
    try:
        yield
    except OSError as error:
        name = error.filename
        if not isinstance(name, str) or not Path(name).is_absolute() or not Path(name).is_relative_to(root):
            raise
        path = os.path.relpath(name, root)
        raise FleetError(f"nothing was pushed: {path} cannot be read: {error.strerror}", _PUSH_AGAIN) from error


_PUSH_AGAIN: Final = "push again when nobody writes to the folder"


def _commit(here: Project, revision: str) -> str:
    return file_versions.commit(here.root, revision) if revision else file_versions.commit_now(here.root)


def _collect(records: ReleaseRecords) -> None:
    """Remove releases that nobody needs any more; a push that is over does not fail by that."""
    import psycopg

    from airfleet.releases import collection
    from airfleet.releases.stores.objects import StoreUnreachable

    try:
        collection.collect(records.connect, records.objects, records.fleet.releases.keep, records.about())
    except (FleetError, StoreUnreachable, psycopg.Error) as wrong:
        terminal.warn([f"older releases were not removed: {str(wrong).strip().splitlines()[0]}"])


class Steps:
    """The steps of a push, each told as it ends."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self.began = self._last = time.monotonic()
        self.seconds: dict[str, float] = {}

    def end(self, name: str, sentence: str) -> None:
        """Tell that a step has ended."""
        now = time.monotonic()
        self.seconds[name] = now - self._last
        self._last = now
        if not self._quiet:
            terminal.say(f"{now - self.began:7.1f}s  {sentence}")
