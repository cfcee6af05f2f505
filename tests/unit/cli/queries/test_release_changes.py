"""Two states of a project, compared: what is said of pipelines, modules and other files."""

from __future__ import annotations

import hashlib

from airfleet.cli.queries import release_changes
from airfleet.cli.queries.release_changes import FileChange, ReleaseChanges
from airfleet.releases.manifest import File, Manifest

SHOP = 'dag_id: shop\nschedule: "@daily"\ntasks: [{id: fetch, uses: "shop.steps:fetch"}, {id: store, needs: [fetch]}]\n'
MODULE = "def fetch():\n    return 1\n"


def state(files: dict[str, str]) -> tuple[Manifest, dict[str, bytes]]:
    contents = {path: text.encode() for path, text in files.items()}
    digests = {path: hashlib.sha256(content).hexdigest() for path, content in contents.items()}
    manifest = Manifest(tuple(File(path, digests[path], len(content)) for path, content in contents.items()))
    return manifest, {digests[path]: content for path, content in contents.items()}


def compared(old: dict[str, str] | None, new: dict[str, str]) -> ReleaseChanges:
    before, contents = state(old) if old is not None else (None, {})
    after, others = state(new)
    known = {**contents, **others}
    return release_changes.between(before, after, lambda file: known[file.digest], {})


def sentences(found: ReleaseChanges) -> list[str]:
    return [change.sentence for change in (*found.pipelines, *found.files)]


BASE = {
    "pipelines/shop.yaml": SHOP,
    "pipelines/defaults.yaml": "defaults: {retries: 1}\n",
    "shop/__init__.py": "",
    "shop/steps.py": MODULE,
    "data/towns.csv": "a,b\n",
}


def test_equal_states_have_no_difference() -> None:
    assert not compared(BASE, BASE)


def test_pipelines_are_told_by_what_they_mean_and_modules_by_their_files() -> None:
    new = {
        **BASE,
        "pipelines/shop.yaml": SHOP.replace("@daily", "@hourly").replace(", {id: store, needs: [fetch]}", ""),
        "pipelines/orders.yaml": "dag_id: orders\ntasks: [{id: one}]\n",
        "shop/steps.py": MODULE + "\n",
        "shop/more.py": "",
    }
    del new["data/towns.csv"]
    assert sentences(compared(BASE, new)) == [
        "pipeline 'orders' is new, with 1 task",
        "schedule changed from @daily to @hourly",
        "task 'store' is gone",
        "file data/towns.csv is gone",
        "module shop/more.py is new",
        "module shop/steps.py changed",
    ]


def test_a_change_of_shared_parts_is_one_of_each_pipeline_that_takes_them_in() -> None:
    new = {**BASE, "pipelines/defaults.yaml": "defaults: {retries: 2}\n"}
    assert sentences(compared(BASE, new)) == ["retries of all tasks changed from 1 to 2"]


def test_a_comment_in_a_pipeline_is_no_difference_to_people() -> None:
    assert sentences(compared(BASE, {**BASE, "pipelines/shop.yaml": f"# why\n{SHOP}"})) == []


def test_the_first_state_is_all_new() -> None:
    assert sentences(compared(None, BASE)) == [
        "pipeline 'shop' is new, with 2 tasks",
        "file data/towns.csv is new",
        "module shop/__init__.py is new",
        "module shop/steps.py is new",
    ]


def test_large_files_are_data_and_not_read() -> None:
    large = File("data/large.bin", "a" * 64, 5_000_000)
    other = File("data/large.bin", "b" * 64, 5_000_000)

    def read(file: File) -> bytes:
        raise AssertionError(f"{file.path} was read")

    found = release_changes.between(Manifest((large,)), Manifest((other,)), read, {})
    assert found.files == (FileChange("data/large.bin", "changed"),)
