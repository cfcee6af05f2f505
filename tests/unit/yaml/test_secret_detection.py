"""What is a secret in fleet.yaml: refused where it stands, and never shown."""

from __future__ import annotations

import pytest

from airfleet.yaml import secret_detection
from support.fleet_files import problems_of, read

WHERE = "hint: write ${{ secrets.NAME }} (a file in the folder of secrets) or ${{ env.NAME }}"
PW = "${{ env.PW }}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        *((f"postgresql://u:hun{sign}ter@h/x", "postgresql://u:***@h/x") for sign in ",; /?#:@&=%"),
        ("redis://:s3cret@queue/0", "redis://:***@queue/0"),
        (f"redis://:s3cret-{PW}@queue/0", "redis://:***@queue/0"),
        ("postgresql://${{ env.U }}:s3cret@h/x", "postgresql://${{ env.U }}:***@h/x"),
        ("amqp://u:a,b@one;amqp://u:c d@two/v", "amqp://u:***@one;amqp://u:***@two/v"),
        ("http://h/?aws_secret_access_key=s3/+=", "http://h/?aws_secret_access_key=***"),
        (f"http://h/?password={PW}rest", "http://h/?password=***"),
        (f"http://h/?password={PW}rest&a=b", "http://h/?password=***&a=b"),
        (f"http://h/?password=rest{PW}", "http://h/?password=***"),
        (f"redis://:{PW}rest@queue/0", "redis://:***@queue/0"),
        (f'{{"password": "{PW}rest"}}', '{"password": "***"}'),
        ("http://h/?a=b&token=s3cret&c=d", "http://h/?a=b&token=***&c=d"),
        ("http://h/?api_key=s3&cret", "http://h/?api_key=***"),
        ("postgresql://h/x?sslpassword=s3cret", "postgresql://h/x?sslpassword=***"),
        ("sentinel://a?master=m&sentinel_password=s3&cret", "sentinel://a?master=m&sentinel_password=***"),
        ("jdbc:sqlserver://h:1433;user=u;password=s3cret", "jdbc:sqlserver://h:1433;user=u;password=***"),
        ('{"url": "https://vault", "token": "s3cret"}', '{"url": "https://vault", "token": "***"}'),
        ("aws://?__extra__=%7B%22aws_secret_access_key%22%3A+%22s3cret%22%7D&a=b", "aws://?__extra__=***&a=b"),
    ],
)
def test_a_password_in_a_text_is_refused_and_never_shown(text: str, shown: str) -> None:
    assert secret_detection.masked(text) == shown
    assert secret_detection.has_password(text)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://one:5433,two/shop?target_session_attrs=read-write",
        f"postgresql://u:{PW}@h/x",
        f"https://u:{PW}@h/x?mail=a@b",
        f"postgresql://${{{{ env.U }}}}:{PW}@h/x",
        f"postgresql://u@h/x?password={PW}&sslmode=require",
        f'curl "https://h?token={PW}" -o x',
        "http://h/path//a:b@c",
        "arn:aws:iam::111111111111:role/people",
        "https://u:@h",
        "http://h/?page_size=3&tokens=4&password=",
        "aws://?__extra__=%7B%22region_name%22%3A+%22eu%22%7D",
        'http://h/?__extra__={"token": "${{ env.T }}"}',
    ],
)
def test_what_is_no_password_stays_as_it_is(text: str) -> None:
    assert secret_detection.masked(text) == text
    assert not secret_detection.has_password(text)


def test_what_may_be_a_port_is_taken_and_hidden() -> None:
    assert read("env: {REGISTRY: 'https://h:8080/@scope'}\n").environment == {"REGISTRY": "https://h:8080/@scope"}
    assert secret_detection.masked("https://h:8080/@scope") == "https://h:***@scope"


@pytest.mark.parametrize(
    "key",
    [
        "password", "PGPASSWORD", "DbPassword", "pass", "DB_PASS", "pwd", "db-pwd", "apikey", "apiKey", "x-api-key",
        "AWSSecretKey", "AWS_SECRET_ACCESS_KEY", "jwt_secret", "flower_basic_auth", "accessToken", "passphrase",
    ],
)  # fmt: skip
def test_names_of_secrets(key: str) -> None:
    assert secret_detection.is_secret(key)


@pytest.mark.parametrize(
    "key",
    [
        "tokens", "PWD", "OLDPWD", "compass", "PGPASSFILE", "sql_alchemy_conn_secret", "min_length_masked_secret",
        "key", "jwt_private_key_path", "GOOGLE_APPLICATION_CREDENTIALS",
    ],
)  # fmt: skip
def test_names_that_only_sound_like_it(key: str) -> None:
    assert not secret_detection.is_secret(key)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("database: postgresql://u:hunter,2@h/x\n", "fleet.yaml:1:11: database"),
        ("broker: redis://:a b@h/0\n", "fleet.yaml:1:9: broker"),
        ("connections: {c: 'http://u:a;b@h'}\n", "fleet.yaml:1:18: connections.c"),
        ("connections: {c: 'aws://?aws_secret_access_key=x'}\n", "fleet.yaml:1:18: connections.c"),
        ("connections: {c: 'http://h?token=x'}\n", "fleet.yaml:1:18: connections.c"),
        (
            "connections: {c: 'aws://?__extra__=%7B%22aws_secret_access_key%22%3A+%22x%22%7D'}\n",
            "fleet.yaml:1:18: connections.c",
        ),
        ("connections: {c: {type: http, password: 12345}}\n", "fleet.yaml:1:41: connections.c.password"),
        ("vars: {pin_token: 5}\n", "fleet.yaml:1:19: vars.pin_token"),
        ("env: {URL: 'https://u:a/b@h'}\n", "fleet.yaml:1:12: env.URL"),
        ("env: {PGPASSWORD: x}\n", "fleet.yaml:1:19: env.PGPASSWORD"),
        ("variables: {DbPassword: x}\n", "fleet.yaml:1:25: variables.DbPassword"),
        ("variables: {pass: x}\n", "fleet.yaml:1:19: variables.pass"),
        ("vars: {pwd: x}\n", "fleet.yaml:1:13: vars.pwd"),
        ("vars: {apikey: x}\n", "fleet.yaml:1:16: vars.apikey"),
        ("airflow: {celery: {flower_basic_auth: 'u:x'}}\n", "fleet.yaml:1:39: airflow.celery.flower_basic_auth"),
        (
            'airflow: {secrets: {backend_kwargs: \'{"token": "x"}\'}}\n',
            "fleet.yaml:1:37: airflow.secrets.backend_kwargs",
        ),
    ],
)
def test_a_secret_that_stands_in_the_file_is_a_problem(text: str, place: str) -> None:
    assert problems_of(text) == [f"{place}: a password must not stand in the file\n{WHERE}"]


def test_true_and_false_are_no_password_but_whether_there_is_one() -> None:
    fleet = read("vars: {two_pass: true}\nconnections: {c: {type: http, extra: {use_token: false}}}\n")
    assert fleet.vars == {"two_pass": "true"}
    assert fleet.objects.connections[0].extra == {"use_token": False}


def test_users_of_flower_may_stand_beside_passwords_from_elsewhere() -> None:
    text = "airflow: {celery: {flower_basic_auth: 'ada:${{ env.A }},bob:${{ env.B }}'}}\n"
    assert not [problem for problem in problems_of(text, A="x", B="y") if "a password must not" in problem]
