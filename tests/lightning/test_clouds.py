"""The objects in the clouds: published whole or not loaded, and removed when nobody needs them."""

from __future__ import annotations

from pathlib import Path

import pytest
from loaded import NOTHING, loaded

from conftest import Runner
from lightning import accounts, duck, intake, lake, results, runs, sample, steps
from lightning.clouds import BUCKET, Clouds
from lightning.errors import CloudError, HalfWritten, SourceError
from lightning.export_task import LightningExport
from lightning.tiles import BIGQUERY

YEAR = 2012


@pytest.fixture
def here(cloudy: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process reaches the clouds like a task does."""
    for name, value in cloudy.environ.items():
        if name.startswith(("AIRFLOW_CONN_", "BIGQUERY_", "STORAGE_")):
            monkeypatch.setenv(name, value)


@pytest.fixture
def published(here: None, tmp_path: Path) -> steps.Message:
    """A run whose results are in S3."""
    asked = {"year": str(YEAR), "source": "bigquery", "engine": "duckdb", "files": ""}
    sites = {"work": str(tmp_path), "dataset": "local.d", "gcs_bucket": BUCKET, "s3_bucket": BUCKET}
    run = runs.make("manual__test", asked, sites)
    intake.take(sample.write(tmp_path, YEAR, 800, 1, BIGQUERY), run.raw, BIGQUERY)
    duck.aggregate(run.raw, run.results, BIGQUERY, YEAR)
    message = run.message()
    assert steps.publish(message) == f"s3://{BUCKET}/lightning/{YEAR}/{run.name}/results"
    return message


def test_an_object_that_is_cut_off_or_missing_is_not_loaded(published: steps.Message, cloudy: Runner) -> None:
    address = f"s3://{BUCKET}/{published['results_prefix'].rstrip('/')}"
    hook, key = accounts.s3(), f"{published['results_prefix']}tiles/part-00000.csv"
    whole = hook.read_key(key, BUCKET)
    hook.load_string(whole[: len(whole) // 2], key, BUCKET, replace=True)
    with pytest.raises(HalfWritten, match=r"tiles/part-00000.csv has .* where the manifest says"):
        steps.load(published, address, "lightning_db")
    hook.delete_objects(BUCKET, [key])
    with pytest.raises(HalfWritten, match=r"tiles/part-00000.csv is missing"):
        steps.load(published, address, "lightning_db")
    hook.delete_objects(BUCKET, [f"{published['results_prefix']}_SUCCESS"])
    with pytest.raises(HalfWritten, match=r"_SUCCESS is missing"):
        steps.load(published, address, "lightning_db")
    assert loaded(cloudy, YEAR) == NOTHING


def test_an_export_that_left_nothing_and_an_object_that_is_gone_are_named(published: steps.Message) -> None:
    with pytest.raises(SourceError, match=r"left nothing at gs://lightning/extract/2012-.*-\*\.csv"):
        steps.fetch(published, [])
    with pytest.raises(SourceError, match=r"raw/x-0.csv is missing: clear the task to_s3 too"):
        steps.fetch(published, ["extract/x-0.csv"])


class Instance:
    """The part of a task instance that an export talks to."""

    def xcom_push(self, key: str, value: object) -> None:
        """Links for people."""


def test_an_export_leaves_nothing_of_an_earlier_one(here: None, cloudy: Runner, sky: Clouds, tmp_path: Path) -> None:
    sky.fill(2011, 50, 3)
    asked = {"year": "2011", "source": "bigquery", "engine": "duckdb", "files": ""}
    dataset = cloudy.environ["AIRFLOW_VAR_LIGHTNING_DATASET"]
    sites = {"work": str(tmp_path), "dataset": dataset, "gcs_bucket": BUCKET, "s3_bucket": BUCKET}
    message = runs.make("manual__export", asked, sites).message()
    (sky.buckets / BUCKET / f"{message['gcs_prefix']}000000000001.csv").write_text("of an earlier attempt")
    export = LightningExport(
        task_id="extract",
        gcp_conn_id="lightning_google",
        source_project_dataset_table=message["table"],
        destination_cloud_storage_uris=[f"gs://{BUCKET}/{message['gcs_objects']}"],
        force_rerun=True,
    )
    export.execute({"ti": Instance(), "task": export})
    there = accounts.gcs().list(BUCKET, prefix=message["gcs_prefix"])
    assert there == [message["gcs_objects"]]  # the emulator keeps the star, where BigQuery puts numbers


def test_an_export_in_several_objects_has_one_header(published: steps.Message, tmp_path: Path) -> None:
    keys = [f"{published['raw_prefix']}part-{number}.csv" for number in range(2)]
    for key, day in zip(keys, ("2012-05-01", "2012-05-02"), strict=True):
        accounts.s3().load_string(f"{BIGQUERY.header}\n{day},4,POINT(-80.1 25.3)\n", key, BUCKET, replace=True)
    lake.download_all(BUCKET, keys, tmp_path / "incoming")
    assert (tmp_path / "incoming").read_text().splitlines() == [
        BIGQUERY.header,
        "2012-05-01,4,POINT(-80.1 25.3)",
        "2012-05-02,4,POINT(-80.1 25.3)",
    ]


def test_what_only_the_run_needed_is_removed_and_the_results_stay(published: steps.Message, sky: Clouds) -> None:
    hook, run = accounts.s3(), runs.Run.of(published)
    hook.load_string("old", f"{run.year_prefix}an-earlier-run/results/_SUCCESS", BUCKET, replace=True)
    hook.load_string("raw", f"{published['raw_prefix']}x.csv", BUCKET, replace=True)
    extract = sky.buckets / BUCKET / published["gcs_objects"]
    extract.write_text("rows")
    steps.tidy(published)
    kept = hook.list_keys(BUCKET, prefix=run.year_prefix)
    assert kept
    assert all(key.startswith(published["results_prefix"]) for key in kept)
    assert not extract.exists()
    assert not run.folder.exists()


def test_missing_buckets_and_connections_are_named(published: steps.Message, monkeypatch: pytest.MonkeyPatch) -> None:
    run = runs.Run.of(published)
    accounts.check(run)
    for name, said in (
        ("gcs_bucket", "there is no bucket gs://nowhere"),
        ("s3_bucket", "there is no bucket s3://nowhere"),
    ):
        with pytest.raises(CloudError, match=said):
            accounts.check(runs.Run.of(published | {name: "nowhere"}))
    for name in ("S3", "GOOGLE"):
        monkeypatch.delenv(f"AIRFLOW_CONN_LIGHTNING_{name}")
        with pytest.raises(CloudError, match=f"there is no connection 'lightning_{name.lower()}'"):
            accounts.check(run)


def test_results_that_pass_their_check_come_back_as_they_went(published: steps.Message, tmp_path: Path) -> None:
    lake.download(f"s3://{BUCKET}/{published['results_prefix'].rstrip('/')}", tmp_path / "back")
    assert results.checked(tmp_path / "back", YEAR).rows == 800
