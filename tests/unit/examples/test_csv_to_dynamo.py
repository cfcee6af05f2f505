"""People from one AWS account into another: whole or not at all, the same however often, nothing temporary left."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import botocore.exceptions
import pytest

from csv_to_dynamo import clouds, people, sample, steps
from csv_to_dynamo.clouds import BUCKET, KEY, TABLE, Clouds
from csv_to_dynamo.errors import AccountProblem, BadCsv, BrokenObject

HEADER = "Id,Name,Enabled,FavouriteNumber\n"
RUN = "manual__2026-01-01T00:00:00+00:00"


@pytest.fixture(scope="module")
def both() -> Iterator[Clouds]:
    with clouds.emulated() as emulated:
        yield emulated


@pytest.fixture
def accounts(both: Clouds, monkeypatch: pytest.MonkeyPatch) -> Clouds:
    """Both accounts, empty, and connected."""
    for key in both.object_keys():
        both.s3().delete_object(Bucket=BUCKET, Key=key)
    table = both.dynamodb().Table(TABLE)
    for number in both.items():
        table.delete_item(Key={"Id": number})
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in both.environment().items():
        monkeypatch.setenv(name, value)
    return both


def converted(key: str = KEY) -> steps.Message:
    return steps.convert(BUCKET, key, RUN, "s3_bucket")


def loaded(message: steps.Message, table: str = TABLE) -> steps.Message:
    return steps.load(message, table, "s3_bucket", "dynamo_db")


def expected(text: str) -> dict[int, dict[str, object]]:
    """What the table must hold, by another way: split at commas where no name has one."""
    found: dict[int, dict[str, object]] = {}
    for line in text.splitlines()[1:]:
        head, _, tail = line.rpartition(",")
        head, _, enabled = head.rpartition(",")
        number, _, name = head.partition(",")
        written = name[1:-1].replace('""', '"') if name.startswith('"') else name
        item: dict[str, object] = {"Id": int(number), "Name": written, "Enabled": enabled == "true"}
        found[int(number)] = {**item, "FavouriteNumber": int(tail)} if tail else item
    return found


# --- from one account to the other


def test_every_person_of_the_file_is_an_item_of_the_table(accounts: Clouds) -> None:
    text = sample.people(rows=310, seed=4)
    accounts.put_csv(text)
    message = converted()
    assert message["rows"] == 310
    assert loaded(message) == {"table": TABLE, "rows": 310}
    assert accounts.items() == expected(text)
    steps.remove(BUCKET, RUN, "s3_bucket")
    assert accounts.object_keys() == [KEY]


def test_bucket_and_table_are_in_different_accounts_and_a_role_sees_only_its_own(accounts: Clouds) -> None:
    numbers = {name: accounts.session(name).client("sts", endpoint_url=accounts.endpoint) for name in clouds.ROLES}
    assert {name: sts.get_caller_identity()["Account"] for name, sts in numbers.items()} == {
        "s3_bucket": "111111111111",
        "dynamo_db": "222222222222",
    }
    assert accounts.s3("dynamo_db").list_buckets()["Buckets"] == []
    assert list(accounts.dynamodb("s3_bucket").tables.all()) == []
    with pytest.raises(AccountProblem, match=r"the bucket 'people' .* connection 'dynamo_db'"):
        steps.convert(BUCKET, KEY, RUN, "dynamo_db")


def test_the_json_object_has_one_person_a_line(accounts: Clouds) -> None:
    accounts.put_csv(HEADER + '7,"Dvořák, A.",true,\n-1,B,No,-3\n')
    message = converted()
    body = accounts.s3().get_object(Bucket=BUCKET, Key=message["key"])["Body"].read()
    assert [json.loads(line) for line in body.decode().splitlines()] == [
        {"Id": 7, "Name": "Dvořák, A.", "Enabled": True},
        {"Id": -1, "Name": "B", "Enabled": False, "FavouriteNumber": -3},
    ]
    assert hashlib.sha256(body).hexdigest() == message["sha256"]


# --- again, and half


def test_a_load_that_was_cut_off_and_tried_again_leaves_the_same_table(accounts: Clouds) -> None:
    text = sample.people(rows=60, seed=2)
    accounts.put_csv(text)
    message = converted()
    table = accounts.dynamodb().Table(TABLE)
    for item in list(expected(text).values())[:25]:  # what an attempt that died after a batch has written
        table.put_item(Item=item)
    loaded(message)
    loaded(message)
    assert accounts.items() == expected(text)


def test_a_changed_person_replaces_the_old_one(accounts: Clouds) -> None:
    accounts.put_csv(HEADER + "1,Old,true,4\n2,Stays,true,5\n")
    loaded(converted())
    accounts.put_csv(HEADER + "1,New,false,\n")
    loaded(converted())
    assert accounts.items() == {
        1: {"Id": 1, "Name": "New", "Enabled": False},
        2: {"Id": 2, "Name": "Stays", "Enabled": True, "FavouriteNumber": 5},
    }


def test_converting_again_writes_the_same_object_and_removing_twice_is_fine(accounts: Clouds) -> None:
    accounts.put_csv(sample.people(rows=5, seed=1))
    assert converted() == converted()
    assert len(accounts.object_keys()) == 2
    steps.remove(BUCKET, RUN, "s3_bucket")
    steps.remove(BUCKET, RUN, "s3_bucket")
    assert accounts.object_keys() == [KEY]


def test_runs_do_not_share_a_temporary_object() -> None:
    keys = {steps.temporary_key(run) for run in (RUN, RUN.replace("+", ":"), "x" * 200, "x" * 201)}
    assert len(keys) == 4
    assert all(len(key) < 130 for key in keys)


@pytest.mark.parametrize("harm", ["cut", "gone"])
def test_a_broken_json_object_is_not_loaded_at_all(accounts: Clouds, harm: str) -> None:
    accounts.put_csv(sample.people(rows=50, seed=1))
    message = converted()
    if harm == "cut":
        body = accounts.s3().get_object(Bucket=BUCKET, Key=message["key"])["Body"].read()
        accounts.put_csv(body[: len(body) // 2], message["key"])
    else:
        steps.remove(BUCKET, RUN, "s3_bucket")
    with pytest.raises((BrokenObject, AccountProblem), match=r"run 'convert' again"):
        loaded(message)
    assert accounts.items() == {}


# --- what a person has to repair


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "s3://people/people.csv is empty; its first line must be Id,Name,Enabled,FavouriteNumber"),
        (
            "Id,Name,Active,FavouriteNumber\n1,A,true,1\n",
            "the header of s3://people/people.csv has changed (missing: Enabled; new: Active); "
            "it must be Id,Name,Enabled,FavouriteNumber",
        ),
        (
            "Name,Id,Enabled,FavouriteNumber\nA,1,true,1\n",
            "the header of s3://people/people.csv has changed (another order); "
            "it must be Id,Name,Enabled,FavouriteNumber",
        ),
        (
            HEADER + "1,A,true,1\n1,B,true,2\nx,C,true,3\n2,,true,4\n3,D,maybe,5\n4,E,true,3.5\n5,F\n\n6,G,true,1\n",
            "s3://people/people.csv has 7 bad lines, nothing was loaded:\n"
            "line 3: Id 1 stands in line 2 already\n"
            "line 4: Id 'x' is not a whole number\n"
            "line 5: Name is empty\n"
            "line 6: Enabled 'maybe' is neither true nor false\n"
            "line 7: FavouriteNumber '3.5' is not a whole number\n"
            "line 8: has 2 values, not 4\n"
            "line 9: is empty",
        ),
        (
            HEADER + '1,A,true,1\n2,"B,true',
            "s3://people/people.csv has 1 bad line, nothing was loaded:\n"
            "line 3: is no CSV (unexpected end of data); is the file cut off?",
        ),
    ],
    ids=["empty", "header", "order", "rows", "cut off"],
)
def test_a_bad_file_is_refused_as_a_whole_with_every_bad_line(accounts: Clouds, text: str, sentence: str) -> None:
    accounts.put_csv(text)
    with pytest.raises(BadCsv) as refused:
        converted()
    assert str(refused.value) == sentence
    assert accounts.object_keys() == [KEY]


def test_of_very_many_bad_lines_the_first_are_shown_and_all_are_counted(tmp_path: Path) -> None:
    source = tmp_path / "people.csv"
    source.write_text(HEADER + "x,A,true,1\n" * 1000)
    with pytest.raises(BadCsv, match=r"1,000 bad lines(?s:.*)\nline 21: .*\n\.\.\. and 980 more"):
        people.convert(source, tmp_path / "out", "people.csv")


def test_a_file_in_another_encoding_is_said_to_be_so(tmp_path: Path) -> None:
    source = tmp_path / "people.csv"
    source.write_bytes((HEADER + "1,Dvořák,true,1\n").encode("iso8859-2"))
    with pytest.raises(BadCsv, match=r"^people\.csv is not UTF-8 text \(byte 0xf8"):
        people.convert(source, tmp_path / "out", "people.csv")


def test_what_is_missing_is_named_with_its_connection(accounts: Clouds, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts.put_csv(HEADER + "1,A,true,1\n")
    with pytest.raises(AccountProblem, match=r"^the bucket 'elsewhere' does not exist in the account of .*'s3_bucket'"):
        steps.convert("elsewhere", KEY, RUN, "s3_bucket")
    with pytest.raises(AccountProblem, match=r"^the object 'nobody\.csv' of the bucket 'people' does not exist"):
        converted("nobody.csv")
    with pytest.raises(AccountProblem, match=r"^the table 'elsewhere' does not exist in the account of .*'dynamo_db'"):
        loaded(converted(), "elsewhere")
    with pytest.raises(AccountProblem, match=r"^connection 'no_such' is not defined"):
        steps.convert(BUCKET, KEY, RUN, "no_such")


def test_missing_credentials_are_named(accounts: Clouds, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    extra = accounts.extra("s3_bucket")
    monkeypatch.setenv("AIRFLOW_CONN_S3_BUCKET", json.dumps({"conn_type": "aws", "extra": extra}))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(AccountProblem, match=r"^there are no credentials for connection 's3_bucket': give .* a login"):
        converted()


def test_a_table_with_another_key_is_refused_before_anything_is_written(accounts: Clouds) -> None:
    accounts.put_csv(HEADER + "1,A,true,1\n")
    accounts.dynamodb().create_table(
        TableName="by_name",
        KeySchema=[{"AttributeName": "Name", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "Name", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    with pytest.raises(AccountProblem, match=r"^the table 'by_name' has the key Name \(S\); it must be Id \(N\)"):
        loaded(converted(), "by_name")


def test_an_account_that_cannot_be_reached_is_left_to_the_retries(
    accounts: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = {**accounts.extra("s3_bucket"), "config_kwargs": {"retries": {"total_max_attempts": 1}}}
    nobody["service_config"] = {"sts": {"endpoint_url": "http://127.0.0.1:9"}}
    connection = {"conn_type": "aws", "login": "a", "password": "b", "extra": nobody}
    monkeypatch.setenv("AIRFLOW_CONN_S3_BUCKET", json.dumps(connection))
    with pytest.raises(botocore.exceptions.EndpointConnectionError):
        converted()
