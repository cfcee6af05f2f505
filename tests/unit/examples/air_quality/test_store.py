"""Results in a folder and in an object store: whole, repeatable, nothing stale left."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from air_quality import steps
from air_quality.errors import StoreError
from air_quality.s3 import s3_store
from air_quality.store import Account, FolderStore, Store, publish
from support.air_quality_again import compare

BUCKET = "air-quality"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def account(endpoint: str) -> Account:
    """An account of an empty object store with one bucket."""
    client = s3_client(endpoint)
    for bucket in client.list_buckets()["Buckets"]:
        for found in client.list_objects_v2(Bucket=bucket["Name"]).get("Contents", []):
            client.delete_object(Bucket=bucket["Name"], Key=found["Key"])
        client.delete_bucket(Bucket=bucket["Name"])
    client.create_bucket(Bucket=BUCKET)
    return Account("access-key", "secret-key", endpoint)


def s3_client(endpoint: str) -> Any:
    return boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1"
    )


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return FolderStore(tmp_path / "stored" / "data")
    return s3_store(request.getfixturevalue("account"), BUCKET, "stored/data")


def make(tmp_path: Path, **contents: str) -> tuple[dict[str, Path], dict[str, Any]]:
    files = {}
    for name, content in contents.items():
        path = tmp_path / "made" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        files[f"default/{name}"] = path
    return files, {"files": [{"name": name} for name in files]}


def test_what_is_published_can_be_read(store: Store, tmp_path: Path) -> None:
    files, manifest = make(tmp_path, a="1", b="2")
    assert publish(store, files, manifest, tmp_path) == []
    assert (store.read("default/a"), store.read("default/b")) == (b"1", b"2")
    assert json.loads(store.read("manifest.json") or b"") == manifest


def test_publishing_again_overwrites_and_removes_what_is_stale(store: Store, tmp_path: Path) -> None:
    publish(store, *make(tmp_path, a="1", b="2"), tmp_path)
    assert publish(store, *make(tmp_path, b="3", c="4"), tmp_path) == ["default/a"]
    assert [store.read(f"default/{name}") for name in "abc"] == [None, b"3", b"4"]
    assert publish(store, *make(tmp_path, b="3", c="4"), tmp_path) == []


def test_files_that_no_manifest_names_are_left_alone(store: Store, tmp_path: Path) -> None:
    files, manifest = make(tmp_path, a="1")
    store.put(files["default/a"], "notes.txt")
    publish(store, files, manifest, tmp_path)
    publish(store, *make(tmp_path, b="2"), tmp_path)
    assert store.read("notes.txt") == b"1"


def test_a_manifest_cannot_have_files_elsewhere_removed(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "stored")
    outside = tmp_path / "outside"
    outside.write_text("precious")
    files, _ = make(tmp_path, a="1")
    publish(store, files, {"files": [{"name": "../outside"}, {"name": str(outside)}]}, tmp_path)
    publish(store, *make(tmp_path, b="1"), tmp_path)
    assert outside.read_text() == "precious"


def test_a_foreign_manifest_stops_the_step(store: Store, tmp_path: Path) -> None:
    files, manifest = make(tmp_path, a="[1]")
    store.put(files["default/a"], "manifest.json")
    with pytest.raises(StoreError, match=r"the manifest\.json that is there is not one of ours"):
        publish(store, files, manifest, tmp_path)
    assert store.read("default/a") is None


def test_empty_folders_do_not_stay_behind(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "stored")
    publish(store, *make(tmp_path, a="1"), tmp_path)
    publish(store, {}, {"files": []}, tmp_path)
    assert [path.name for path in store.root.iterdir()] == ["manifest.json"]


def test_a_bucket_that_is_not_there_is_named(account: Account) -> None:
    with pytest.raises(StoreError, match=r"the bucket elsewhere cannot be used: .*404"):
        s3_store(account, "elsewhere", "folder")


def test_an_account_may_name_another_bucket(account: Account) -> None:
    s3_client(str(account.endpoint_url)).create_bucket(Bucket="mine")
    store = s3_store(Account("a", "b", account.endpoint_url, bucket="mine"), BUCKET, "folder")
    assert store.address == "s3://mine/folder"


STORE_STEP = """
import json, sys
from air_quality import steps
job, run, fetched, cleaned, chunked = json.load(sys.stdin)
stored = steps.store(job, run, fetched, cleaned, connection="air_quality_store")
summary = steps.end(job, run, fetched, cleaned, chunked, stored, connection="air_quality_store")
print(json.dumps([stored, summary]))
"""


@pytest.mark.parametrize("connected", [True, False])
def test_the_connection_decides_where_results_go(
    connected: bool, account: Account, jobs: dict[str, Any], mirror: Path, example: Path, tmp_path: Path
) -> None:
    """The steps ask Airflow for the connection, so they run in a process of their own."""
    job = jobs["noaa_global_summary_of_day"]
    run = steps.start(job, "run", str(mirror), str(tmp_path / "work"), str(tmp_path / "output"), 500)
    fetched, cleaned, _, chunked = (s(job, run) for s in (steps.fetch, steps.clean, steps.sort, steps.chunk))
    connection = {"conn_type": "aws", "login": "access-key", "password": "secret-key"}
    described = json.dumps({**connection, "extra": {"endpoint_url": account.endpoint_url}})
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path / "airflow")}
    environment |= {"AIRFLOW_CONN_AIR_QUALITY_STORE": described} if connected else {}
    done = subprocess.run(
        [sys.executable, "-c", STORE_STEP],
        input=json.dumps([job, run, fetched, cleaned, chunked]),
        cwd=example, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    stored, summary = json.loads(done.stdout.splitlines()[-1])
    where = f"s3://{BUCKET}/{job['folder']}" if connected else str(tmp_path / "output" / BUCKET / job["folder"])
    assert (stored["address"], summary["chart"]) == (where, f"{where}/chart.png")
    if connected:
        assert not (tmp_path / "output").exists()
        fetch_bucket(str(account.endpoint_url), tmp_path / "output" / BUCKET)
    compare(tmp_path / "output", mirror.rglob("*.tar.gz"), job, 500)


def fetch_bucket(endpoint: str, into: Path) -> None:
    client = s3_client(endpoint)
    for found in client.list_objects_v2(Bucket=BUCKET)["Contents"]:
        path = into / found["Key"]
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            shutil.copyfileobj(client.get_object(Bucket=BUCKET, Key=found["Key"])["Body"], file)
