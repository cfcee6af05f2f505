"""Secrets in plain text among the values of a pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.checks.pipeline_checks import read_and_check
from airfleet.problem_codes import Code

BY_NAME = "the value of '{}' is a secret in plain text"
TOKEN = "a token or key stands here in plain text"
IN_URL = "a password stands here in plain text"


def said(file: Path, arguments: str, more: str = "") -> list[tuple[str, str]]:
    file.write_text(f"dag_id: a\n{more}tasks:\n  - {{id: one, uses: bash, with: {arguments}}}\n")
    checked = read_and_check(file, environ={"SHOP_TOKEN": "ghp_" + "a" * 36, "N": "x"})
    return [(remark.path, remark.sentence) for remark in checked.remarks if remark.code is Code.SECRET]


@pytest.mark.parametrize(
    ("arguments", "path", "sentence"),
    [
        ("{bash_command: ls, env: {DB_PASSWORD: swordfish}}", "env.DB_PASSWORD", BY_NAME.format("DB_PASSWORD")),
        ("{bash_command: ls, env: {API_TOKEN: {$const: swordfish}}}", "env.API_TOKEN", BY_NAME.format("API_TOKEN")),
        ("{bash_command: 'curl -u x:ghp_" + "b" * 36 + "'}", "bash_command", TOKEN),
        ("{bash_command: {$t: 'deploy --key AKIAABCDEFGHIJKLMNOP {{ ds }}'}}", "bash_command", TOKEN),
        ("{bash_command: 'psql postgresql://me:swordfish@db/shop'}", "bash_command", IN_URL),
        ("{bash_command: 'echo -----BEGIN RSA PRIVATE KEY-----'}", "bash_command", TOKEN),
    ],
)
def test_secrets_are_found(tmp_path: Path, arguments: str, path: str, sentence: str) -> None:
    assert said(tmp_path / "a.yaml", arguments) == [(f"tasks.one.with.{path}", sentence)]


@pytest.mark.parametrize(
    "arguments",
    [
        "{bash_command: ls, env: {DB_PASSWORD: {$t: '{{ var.value.shop }}'}}}",
        "{bash_command: ls, env: {DB_PASSWORD: '{{ var.value.shop }}'}}",
        '{bash_command: ls, env: {DB_PASSWORD: "${{ env.SHOP_TOKEN }}"}}',
        '{bash_command: "curl -H ${{ env.SHOP_TOKEN }}"}',
        "{bash_command: ls, env: {DB_PASSWORD: ''}}",
        "{bash_command: ls, env: {SSH_PRIVATE_KEY: /etc/shop/key}}",
        "{bash_command: ls, env: {TOKENS: many}}",
        "{bash_command: 'psql postgresql://me:$PASSWORD@db/shop'}",
        "{bash_command: 'psql postgresql://me:{{ conn.x.password }}@db/shop'}",
        "{bash_command: 'curl http://localhost:8080/a@b'}",
    ],
)
def test_what_is_no_secret(tmp_path: Path, arguments: str) -> None:
    assert said(tmp_path / "a.yaml", arguments) == []


def test_defaults_of_params_are_looked_at(tmp_path: Path) -> None:
    params = "params: {api_key: swordfish, token: {type: string, default: swordfish}, day: monday}\n"
    assert said(tmp_path / "a.yaml", "{bash_command: ls}", params) == [
        ("params.api_key", BY_NAME.format("api_key")),
        ("params.token", BY_NAME.format("token")),
    ]
