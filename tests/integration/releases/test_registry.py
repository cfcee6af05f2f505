"""The records of releases: publications, the pointer, hosts, the lock of pushes, collection; on a real PostgreSQL."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from airfleet.errors import FileProblems, FleetError
from airfleet.metadata.channels import RELEASES
from airfleet.releases import collection, push_lock, registry, tree
from airfleet.releases.manifest import File, Manifest
from airfleet.releases.news import ReleaseState
from airfleet.releases.publisher import publish
from airfleet.releases.registry import About, Action, NoSuchRelease, Overtaken
from airfleet.releases.stores.database_objects import DatabaseObjects
from airfleet.releases.stores.folder_objects import FolderObjects
from support.release_folders import MemoryObjects, project

Connect = Callable[[], psycopg.Connection[Any]]
ANN, BOB = About("ann", "laptop", "faster", "abc123"), About("bob", "ci")


def release(number: int) -> Manifest:
    return Manifest((File("a.py", f"{number:064}", number),))


def published(database: psycopg.Connection[Any], *numbers: int) -> list[str]:
    for number in numbers:
        registry.publish(database, release(number), ANN)
    return [release(number).digest for number in numbers]


def test_a_publication_is_found_by_the_beginning_of_its_digest(database: psycopg.Connection[Any]) -> None:
    one, two = published(database, 1, 2)
    assert registry.manifest(database, one) == release(1)
    found = registry.find(database, one[:8].upper())
    assert (found.digest, found.size, found.files, found.about) == (one, 1, 1, ANN)
    assert [each.digest for each in registry.releases(database)] == [two, one]
    published(database, 1)
    assert [each.digest for each in registry.releases(database)] == [one, two]


@pytest.mark.parametrize(
    ("prefix", "sentence"),
    [("abc", "'abc' is too short for a release"), ("0123456789", "there is no release '0123456789'")],
)
def test_a_release_that_is_not_there(prefix: str, sentence: str, database: psycopg.Connection[Any]) -> None:
    with pytest.raises(NoSuchRelease) as caught:
        registry.find(database, prefix)
    assert caught.value.sentence == sentence


def test_a_beginning_that_two_releases_have_is_refused(database: psycopg.Connection[Any]) -> None:
    published(database, 1)
    database.execute(
        "INSERT INTO airfleet_release SELECT left(digest, 60) || 'zzzz', manifest, 0, 0, '', '' FROM airfleet_release"
    )
    with pytest.raises(NoSuchRelease, match="more than one release begins with"):
        registry.find(database, release(1).digest[:10])


def test_a_damaged_manifest_is_no_manifest(database: psycopg.Connection[Any]) -> None:
    [digest] = published(database, 1)
    database.execute("UPDATE airfleet_release SET manifest = overlay(manifest PLACING '\\x00' FROM 9)")
    with pytest.raises(ValueError, match="is damaged"):
        registry.manifest(database, digest)


def test_the_pointer_moves_by_generation_and_the_log_says_who_moved_it(database: psycopg.Connection[Any]) -> None:
    one, two = published(database, 1, 2)
    assert registry.live(database) is None
    assert registry.activate(database, one, None, ANN) == 1
    assert registry.activate(database, two, 1, BOB) == 2
    assert registry.activate(database, one, 2, ANN, Action.ROLLBACK) == 3
    live = registry.live(database)
    assert live is not None
    assert (live.digest, live.generation) == (one, 3)
    assert [(entry.action, entry.digest, entry.before, entry.about.author) for entry in registry.log(database)] == [
        ("rollback", one, two, "ann"),
        ("push", two, one, "bob"),
        ("push", one, None, "ann"),
    ]


@pytest.mark.parametrize("seen", [None, 1])
def test_of_two_pushes_the_second_is_told_what_it_lost_against(
    seen: int | None, database: psycopg.Connection[Any]
) -> None:
    one, two, three = published(database, 1, 2, 3)
    registry.activate(database, one, None, ANN)
    registry.activate(database, two, 1, BOB)
    with pytest.raises(Overtaken) as caught:
        registry.activate(database, three, seen, ANN)
    assert caught.value.sentence.startswith(f"another release went live meanwhile: bob (ci) made {two[:12]} live at ")
    live = registry.live(database)
    assert live is not None
    assert live.digest == two


def test_each_change_is_told_in_its_transaction(database: psycopg.Connection[Any], connect: Connect) -> None:
    with connect() as listener:
        listener.execute(f"LISTEN {RELEASES}")
        [digest] = published(database, 1)
        registry.report(database, "one", digest, ReleaseState.FAILED, "disk full")
        registry.activate(database, digest, None, ANN)
        said = [note.payload for note in listener.notifies(timeout=5, stop_after=3)]
    assert said == [f"published {digest}", f"host {digest}", f"live {digest}"]
    [host] = registry.host_states(database, digest)
    assert (host.host, host.state, host.sentence) == ("one", ReleaseState.FAILED, "disk full")


def test_runs_that_are_not_over_use_their_releases(database: psycopg.Connection[Any]) -> None:
    for state, version in (("running", "a"), ("queued", "a"), ("success", "b"), ("running", None)):
        database.execute("INSERT INTO dag_run VALUES (%s, %s)", (state, version))
    assert registry.in_use(database) == {"a": 2}


def test_a_push_holds_the_lock_and_another_one_is_told_who_pushes(connect: Connect) -> None:
    told = pytest.raises(push_lock.Held, match=r"ann pushes from laptop since \d s")
    with push_lock.hold(connect, ANN), told, push_lock.hold(connect, BOB):
        raise AssertionError("two pushes hold the lock")
    with push_lock.hold(connect, BOB), connect() as connection:
        found = push_lock.holder(connection)
    assert found is not None
    assert found.owner == "bob"
    with connect() as connection:
        assert push_lock.holder(connection) is None


def test_the_lock_of_a_push_that_died_is_free_after_a_minute(connect: Connect) -> None:
    with connect() as connection, push_lock.hold(connect, ANN):
        connection.execute("UPDATE airfleet_release_lock SET renewed_at = renewed_at - interval '61 s'")
        with push_lock.hold(connect, BOB):
            found = push_lock.holder(connection)
    assert found is not None
    assert found.owner == "bob"


def test_a_publication_sends_what_the_store_has_not(tmp_path: Path, database: psycopg.Connection[Any]) -> None:
    root, objects = project(tmp_path, {"a.py": "1", "b.py": "1", "c.py": "2"}), DatabaseObjects(database)
    told: list[tuple[int, int]] = []
    assert publish(tree.read(root), objects, database, ANN, lambda *done: told.append(done)) == 3
    assert told[-1] == (3, 3)
    (root / "c.py").write_text("3")
    assert publish(tree.read(root), objects, database, ANN) == 1
    assert len(registry.releases(database)) == 2


def test_a_file_that_changes_while_it_is_pushed_is_not_stored(
    tmp_path: Path, database: psycopg.Connection[Any]
) -> None:
    read, objects = tree.read(project(tmp_path, {"a.py": "1"})), MemoryObjects()
    (tmp_path / "a.py").write_text("2")
    with pytest.raises(FleetError, match=r"a\.py changed while it was pushed"):
        publish(read, objects, database, ANN)
    assert registry.releases(database) == ()


def test_a_file_that_cannot_be_read_any_more_is_no_fault_of_the_store(
    tmp_path: Path, database: psycopg.Connection[Any]
) -> None:
    read = tree.read(project(tmp_path / "project", {"a.py": "1"}))
    (tmp_path / "project" / "a.py").unlink()
    (tmp_path / "project" / "a.py").symlink_to("a.py")
    with pytest.raises(FleetError, match=r"^a\.py cannot be read: Too many levels of symbolic links$"):
        publish(read, FolderObjects(tmp_path / "store"), database, ANN)


def test_a_folder_that_cannot_travel_is_not_published(tmp_path: Path, database: psycopg.Connection[Any]) -> None:
    (project(tmp_path) / "out").symlink_to("/etc/hosts")
    with pytest.raises(FileProblems):
        publish(tree.read(tmp_path), MemoryObjects(), database, ANN)


def _aged(database: psycopg.Connection[Any]) -> None:
    database.execute("UPDATE airfleet_release SET created_at = created_at - interval '2 hours'")


def test_collection_keeps_the_live_the_used_the_newest_and_the_young(tmp_path: Path, connect: Connect) -> None:
    with connect() as database:
        root, objects, made = project(tmp_path), DatabaseObjects(database), []
        for number in range(6):
            (root / "number.py").write_text(str(number))
            read = tree.read(root)
            publish(read, objects, database, ANN)
            made.append(read.manifest.digest)
        registry.activate(database, made[0], None, ANN)
        database.execute("INSERT INTO dag_run VALUES ('running', %s)", (made[1],))
        database.execute("INSERT INTO dag VALUES ('d', %s)", (made[2],))
        assert collection.collect(connect, objects, 1, ANN) == collection.Collected()
        _aged(database)
        assert collection.collect(connect, objects, 1, ANN) == collection.Collected((made[4], made[3]), 2)
        assert {one.digest for one in registry.releases(database)} == {made[0], made[1], made[2], made[5]}
        for digest in (made[0], made[1], made[2], made[5]):
            files = registry.manifest(database, digest).files
            assert objects.missing({file.digest for file in files}) == frozenset()


def test_the_rule_of_collection_counts_from_the_newest() -> None:
    found = [collection.Record(str(number), dt.timedelta(hours=2 * number)) for number in range(1, 7)]
    found[3], found[4] = replace(found[3], has_runs=True), replace(found[4], is_live=True)
    found[5] = replace(found[5], has_dags=True)
    assert collection.kept(found, 2) == {"1", "2", "4", "5", "6"}
    young = [collection.Record(str(number), dt.timedelta(minutes=30 * number)) for number in range(3)]
    assert collection.kept(young, 0) == {"0", "1"}


class Interrupted(MemoryObjects):
    """A store during whose listing, or first upload, something else happens."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self.meanwhile = meanwhile

    def happen(self) -> None:
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()

    def put(self, digest: str, content: Iterable[bytes]) -> None:
        super().put(digest, content)
        self.happen()

    def digests(self) -> Iterator[str]:
        yield from list(super().digests())
        self.happen()


def test_a_collection_during_an_upload_leaves_its_objects_alone(
    tmp_path: Path, connect: Connect, database: psycopg.Connection[Any]
) -> None:
    read = tree.read(project(tmp_path, {"a.py": "1", "b.py": "2"}))
    found: list[collection.Collected] = []
    objects = Interrupted(lambda: found.append(collection.collect(connect, objects, 1, BOB)))
    publish(read, objects, database, ANN)
    assert found == [collection.Collected()]
    assert objects.missing({file.digest for file in read.manifest.files}) == frozenset()


def test_an_object_that_a_push_counts_on_is_not_collected_after_it_was_listed(
    tmp_path: Path, connect: Connect, database: psycopg.Connection[Any]
) -> None:
    read = tree.read(project(tmp_path, {"a.py": "1"}))
    objects = Interrupted(lambda: publish(read, objects, database, ANN))
    for file in read.manifest.files:
        objects.kept[file.digest] = read.path_of(file).read_bytes()
    assert collection.collect(connect, objects, 1, BOB) == collection.Collected()
    assert objects.missing({file.digest for file in read.manifest.files}) == frozenset()


def test_objects_of_a_push_that_died_go_after_a_day(
    tmp_path: Path, connect: Connect, database: psycopg.Connection[Any]
) -> None:
    read, objects = tree.read(project(tmp_path)), MemoryObjects()
    registry.reserve(database, read.manifest)
    for file in read.manifest.files:
        objects.kept[file.digest] = read.path_of(file).read_bytes()
    assert collection.collect(connect, objects, 1, BOB).objects == 0
    database.execute("UPDATE airfleet_release_upload SET began_at = began_at - interval '25 hours'")
    assert collection.collect(connect, objects, 1, BOB).objects == 1
    assert objects.kept == {}


def test_a_damaged_manifest_removes_no_objects(connect: Connect, database: psycopg.Connection[Any]) -> None:
    published(database, 1)
    database.execute("UPDATE airfleet_release SET manifest = overlay(manifest PLACING '\\x00' FROM 9)")
    objects = MemoryObjects()
    objects.kept["f" * 64] = b"x"
    with pytest.raises(FleetError, match="is damaged, so nobody knows which objects it needs"):
        collection.collect(connect, objects, 1, BOB)
    assert objects.kept


def test_the_log_names_releases_that_were_collected(connect: Connect, database: psycopg.Connection[Any]) -> None:
    one, _ = published(database, 1, 2)
    _aged(database)
    assert collection.collect(connect, MemoryObjects(), 1, BOB).releases == (one,)
    assert [(entry.action, entry.digest, entry.about.author) for entry in registry.log(database)] == [
        ("collect", one, "bob")
    ]


def test_a_push_whose_lock_was_taken_over_is_told(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_lock, "RENEWAL_SECONDS", 0.01)
    with push_lock.hold(connect, ANN) as lock, connect() as connection:
        connection.execute("UPDATE airfleet_release_lock SET token = gen_random_uuid()")
        for renewal in [thread for thread in threading.enumerate() if thread.name == "push lock"]:
            renewal.join(10)  # none: it has ended already
        with pytest.raises(push_lock.Lost, match="was silent for 60 s"):
            lock.check()


def test_pushes_at_once_are_one_after_the_other(tmp_path: Path, connect: Connect) -> None:
    outcomes: list[str] = []

    def push(number: int) -> None:
        try:
            with push_lock.hold(connect, About(str(number), "here")), connect() as database:
                seen = registry.live(database)
                registry.publish(database, release(number), BOB)
                registry.activate(database, release(number).digest, seen.generation if seen else None, BOB)
                outcomes.append("live")
        except push_lock.Held:
            outcomes.append("held")

    threads = [threading.Thread(target=push, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with connect() as database:
        live = registry.live(database)
        assert live is not None
        assert live.generation == outcomes.count("live") >= 1
