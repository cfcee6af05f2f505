"""Texts that leave the machine have no secret."""

from __future__ import annotations

import urllib.parse

import pytest

from airfleet.doctor.redaction import redacted

TOKEN = "eyJhbGciOiJIUzUxMiJ9.eyJzdWIiOiIwMTk5In0.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"
KEY = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a known one: hunter22!", "a known one: ***!"),
        ("postgresql://me:other@db/shop", "postgresql://me:***@db/shop"),
        (f"Authorization: Bearer {TOKEN}", "Authorization: Bearer ***"),
        (f"token {TOKEN} was refused", "token *** was refused"),
        ("Authorization: Basic YWRhOnMzY3JldA==", "Authorization: Basic ***"),
        ("AIRFLOW__CORE__FERNET_KEY=abc", "AIRFLOW__CORE__FERNET_KEY=***"),
        ('{"jwt_secret": "abc", "slots": 4}', '{"jwt_secret": "***", "slots": 4}'),
        ("password: abc", "password: ***"),
        (f"before\n{KEY}\nafter", "before\n***\nafter"),
        ('password: "${{ secrets.shop }}"', 'password: "${{ secrets.shop }}"'),
        ("the worker has 4 slots: fine", "the worker has 4 slots: fine"),
    ],
)
def test_secrets_are_hidden_and_nothing_else(text: str, shown: str) -> None:
    assert redacted(text, ["hunter22"]) == shown


def test_a_known_secret_is_hidden_as_urls_and_json_write_it() -> None:
    secret = 'a"b/c d'
    text = f'{secret} {urllib.parse.quote(secret, safe="")} a\\"b/c d'
    assert redacted(text, [secret]) == "*** *** ***"


def test_a_secret_within_a_longer_one_leaves_no_rest_of_that() -> None:
    assert redacted("long-secret-word", ["secret", "long-secret-word"]) == "***"


def test_a_word_too_short_to_be_a_secret_leaves_a_text_readable() -> None:
    assert redacted("a b c", ["a", ""]) == "a b c"
