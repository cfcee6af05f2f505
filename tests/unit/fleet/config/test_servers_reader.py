"""Servers around Airflow in fleet.yaml: database, broker, proxy, Flower, policies, the store of releases."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.fleet.config.spec import SIMPLE_AUTH_MANAGER, Deploy, Flower, Policies, Proxy, Releases, Tls
from support.fleet_files import problems_of, read

LITERAL = (
    "a password must not stand in the file\nhint: write ${{ secrets.NAME }} (a file in the folder of secrets) "
    "or ${{ env.NAME }}"
)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://db/airflow",
        "postgres://airflow@db:5433/airflow?sslmode=verify-full",
        "postgresql+psycopg://one:5432,two,[fd00::1]:5432/airflow?target_session_attrs=read-write",
        "postgresql://?service=airflow",
    ],
)
def test_a_database_may_be(url: str) -> None:
    assert read(f"database: {url}\n").database == url


@pytest.mark.parametrize(
    "url",
    [
        "redis://queue:6379/0",
        "rediss://queue/1?ca=/etc/ca.pem",
        "valkey://queue",
        "sentinel://one;sentinel://two:26380/0?master=shop",
        "amqp://mq-1;amqp://mq-2/shop",
        "amqps://mq-1,mq-2/shop",
    ],
)
def test_a_broker_may_be(url: str) -> None:
    assert read(f"broker: {url}\n").broker == url


def test_a_proxy_with_everything() -> None:
    fleet = read("""\
proxy:
  on: [local]
  name: shop.example.com
  address: 10.0.0.5
  port: 8443
  airflow: /myorg/airflow
  flower: /myorg/flower
  tls: {certificate: tls/shop.pem, key: /etc/ssl/private/shop.key}
""")
    assert fleet.proxy == Proxy(
        on=("local",),
        name="shop.example.com",
        address="10.0.0.5",
        port=8443,
        airflow_path="/myorg/airflow",
        flower_path="/myorg/flower",
        tls=Tls("/srv/shop/tls/shop.pem", "/etc/ssl/private/shop.key"),
    )
    assert fleet.proxy.url == "https://shop.example.com:8443/myorg/airflow"


@pytest.mark.parametrize(
    ("more", "url"),
    [
        ("", "http://shop"),
        (", port: 80", "http://shop"),
        (", port: 443", "http://shop:443"),
        (", tls: {certificate: a, key: b}", "https://shop"),
        (", airflow: /a/b", "http://shop/a/b"),
    ],
)
def test_where_people_reach_a_fleet_behind_a_proxy(more: str, url: str) -> None:
    proxy = read(f"proxy: {{name: shop{more}}}\n").proxy
    assert proxy is not None
    assert (proxy.on, proxy.url) == (("local",), url)


@pytest.mark.parametrize("path", ["/flower", "/flower/metrics"])
@pytest.mark.parametrize("more", ["", "flower: false\n"])
def test_nothing_is_in_the_way_of_a_flower_that_there_is_not(path: str, more: str) -> None:
    proxy = read(f"proxy: {{name: shop, airflow: {path}}}\n{more}").proxy
    assert proxy is not None
    assert proxy.airflow_path == path


def test_flower_is_off_unless_somebody_wants_it() -> None:
    assert read("").flower is None
    assert read("flower: false\n").flower is None
    assert read("flower: true\n").flower == Flower(on="local")
    text = "flower: {address: 127.0.0.2, port: 5556, user: ada, read_only: false, memory: 256MB}\n"
    assert read(text).flower == Flower("local", "127.0.0.2", 5556, "ada", False, 2**28)


def test_policies_production_and_retention() -> None:
    assert read("").policies == Policies("replace", "rerun")
    fleet = read("policies: {on_partition: keep, on_worker_lost: fail}\nlog_retention: 2w 1d\n")
    assert fleet.policies == Policies("keep", "fail")
    assert (fleet.production, fleet.log_retention_seconds) == (False, 15 * 86400)


def test_nobody_has_to_approve_or_sign_a_release_unless_somebody_asks_for_it() -> None:
    assert (read("").policies.push.approval, read("").policies.push.signed_by) == (0, "")
    policies = read("name: shop\npolicies: {push: {approval: 2, signed_by: keys/pushers}}\n").policies.push
    assert (policies.approval, policies.signed_by) == (2, "keys/pushers")


def test_releases_are_in_the_database_unless_somebody_names_another_store() -> None:
    assert read("").releases == read("releases:\n").releases == Releases("database", 10, 2**30)
    assert read("releases: {keep: 3, budget: 512MB}\n").releases == Releases("database", 3, 2**29)
    assert read("releases: {store: /mnt/store}\n").releases.store == "/mnt/store"
    assert read("releases: {store: ./store}\n", Path("/srv/shop")).releases.store == "/srv/shop/store"
    assert read("releases: {store: 's3://code/shop'}\n").releases.store == "s3://code/shop"
    assert read("releases: {store: 'abfs://code@shop.dfs.core.windows.net'}\n").releases.store.startswith("abfs://")


def test_a_host_that_gets_its_code_by_releases_needs_no_folder_of_pipelines() -> None:
    assert read("pipelines: dags\nreleases: {store: database}\n", Path("/srv/none")).pipelines == "dags"


def test_a_store_may_come_from_the_environment_and_a_password_may_not() -> None:
    text = "releases: {store: '${{ env.STORE }}'}\n"
    assert read(text, STORE="gs://code").releases.store == "gs://code"
    assert problems_of(text, STORE="s3://key:s3cret@code/shop") == [
        "fleet.yaml:1:19: releases.store: must not hold a password\n"
        "hint: a bucket's comes from the environment of 'airfleet up', and of whoever pushes"
    ]


def test_a_fleet_for_production_names_its_auth_manager() -> None:
    assert problems_of("production: true\n") == [
        "fleet.yaml:1:13: production: people would log in by Airflow's SimpleAuthManager, which Airflow says is not "
        "for production: passwords lie in clear in a file, and nothing slows down who tries them\n"
        "hint: name another one, 'airflow: {core: {auth_manager: CLASS}}'; or, if that will do here, name it: "
        f"auth_manager: {SIMPLE_AUTH_MANAGER}"
    ]
    assert read(f"production: true\nairflow: {{core: {{auth_manager: {SIMPLE_AUTH_MANAGER}}}}}\n").production
    assert read("production: true\nairflow: {core: {auth_manager: shop.auth.Manager}}\n").production


def test_not_everybody_is_an_administrator_in_production() -> None:
    text = "production: true\nairflow: {core: {simple_auth_manager_all_admins: true}}\n"
    assert problems_of(text) == [
        "fleet.yaml:2:50: airflow.core.simple_auth_manager_all_admins: everybody who reaches a fleet with "
        "'production: true' would be its administrator"
    ]
    assert read(text.partition("\n")[2]).airflow["core"]["simple_auth_manager_all_admins"] == "true"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # --- releases -------------------------------------------------------------------------------
        (
            "releases: {store: databse}\n",
            [
                "fleet.yaml:1:19: releases.store: must be 'database', a folder, or the URL of a bucket (s3://, gs://, "
                "abfs://)\nhint: did you mean 'database'?"
            ],
        ),
        (
            "releases: {store: shelf}\n",
            [
                "fleet.yaml:1:19: releases.store: must be 'database', a folder, or the URL of a bucket (s3://, gs://, "
                "abfs://)\nhint: a folder has a '/' in it, as in './shelf'"
            ],
        ),
        (
            "releases: {store: 'abs://code'}\n",
            [
                "fleet.yaml:1:19: releases.store: must be 'database', a folder, or the URL of a bucket (s3://, gs://, "
                "abfs://)\nhint: did you mean 'abfs'?"
            ],
        ),
        (
            "releases: {store: /mnt/store, budget: 1GB}\n",
            [
                "fleet.yaml:1:39: releases.budget: bounds the database, and 'store' names another place\n"
                "hint: leave it out"
            ],
        ),
        ("releases: {keep: 0}\n", ["fleet.yaml:1:18: releases.keep: must be a whole number from 1 to 1000"]),
        # --- servers --------------------------------------------------------------------------------
        ("database: embeded\n", ["fleet.yaml:1:11: database: must be 'embedded', 'system' or a postgresql:// URL"]),
        (
            "database: postgresql://db\n",
            ["fleet.yaml:1:11: database: must name the database, as in postgresql://user@host/airflow"],
        ),
        (
            "database: postgresql://one:5432,two:x/a\n",
            ["fleet.yaml:1:11: database: has a port that is not a number from 1 to 65535"],
        ),
        ("database: 'postgresql://[one/a'\n", ["fleet.yaml:1:11: database: is not a URL that can be read"]),
        (
            "database: postgresql://u@h/\n",
            ["fleet.yaml:1:11: database: must name the database, as in postgresql://user@host/airflow"],
        ),
        (
            "database: postgresql://h?sslmode=require\n",
            ["fleet.yaml:1:11: database: must name the database, as in postgresql://user@host/airflow"],
        ),
        ("database: postgresql://u@,/x\n", ["fleet.yaml:1:11: database: has a server without a name"]),
        ("database: postgresql://h/x?here\n", ["fleet.yaml:1:11: database: has an option that is not NAME=VALUE"]),
        (
            "database: postgresql://h/x?sslmod=require&target=a\n",
            [
                "fleet.yaml:1:11: database: has options that PostgreSQL does not know: sslmod, target\n"
                "hint: did you mean 'sslmode'?"
            ],
        ),
        (
            "database: postgresql://h/x?nope=1\n",
            ["fleet.yaml:1:11: database: has options that PostgreSQL does not know: nope"],
        ),
        (
            "database: postgresql://h/x?sslmode=required\n",
            [
                "fleet.yaml:1:11: database: has a value of sslmode that PostgreSQL does not know\n"
                "hint: it is one of: allow, disable, prefer, require, verify-ca, verify-full"
            ],
        ),
        (
            "database: postgresql://h/x?sslmode=verify-full&target_session_attrs=readwrite\n",
            [
                "fleet.yaml:1:11: database: has a value of target_session_attrs that PostgreSQL does not know\n"
                "hint: it is one of: any, prefer-standby, primary, read-only, read-write, standby"
            ],
        ),
        ("database: '***'\n", ["fleet.yaml:1:11: database: must be 'embedded', 'system' or a postgresql:// URL"]),
        ("database: 'postgresql://h/x#y'\n", ["fleet.yaml:1:11: database: has a '#', which ends a URL"]),
        (
            "database: postgresql://h/x@y\n",
            ["fleet.yaml:1:11: database: has an '@' behind the '/' that ends its server"],
        ),
        (
            "broker: sentinel://one?master=m&tls=True\n",
            ["fleet.yaml:1:9: broker: has a 'tls' that is neither true nor false\nhint: write 'tls=true'"],
        ),
        (
            "broker: redis://one:0/1\n",
            ["fleet.yaml:1:9: broker: has a server that is not HOST or HOST:PORT"],
        ),
        (
            "broker: valkeys://one/1?tls=false\n",
            [
                "fleet.yaml:1:9: broker: has 'tls=false', and valkeys:// speaks TLS\nhint: valkey:// does not"
            ],
        ),
        (
            "broker: redis://one/0?ca=/x.pem\n",
            [
                "fleet.yaml:1:9: broker: has 'ca' for TLS, and does not speak it\n"
                "hint: rediss:// and valkeys:// speak TLS"
            ],
        ),
        (
            "broker: amqp://one?heartbeat=3\n",
            [
                "fleet.yaml:1:9: broker: has options that are not known: heartbeat; known: master, sentinel_password, "
                "tls, ca, cert, key"
            ],
        ),
        (
            "broker: http://queue\n",
            [
                "fleet.yaml:1:9: broker: must be a URL that begins with one of redis://, rediss://, valkey://, "
                "valkeys://, sentinel://, amqp://, amqps://"
            ],
        ),
        (
            "broker: sentinel://one\n",
            ["fleet.yaml:1:9: broker: must name the server that the sentinels watch: ?master=NAME"],
        ),
        # --- passwords in the file ------------------------------------------------------------------
        ("database: postgresql://a:s3cret@db/a\n", [f"fleet.yaml:1:11: database: {LITERAL}"]),
        ("database: postgresql://db/a?user=a&password=s3cret\n", [f"fleet.yaml:1:11: database: {LITERAL}"]),
        ("broker: amqp://mq;amqp://a:s3cret@mq\n", [f"fleet.yaml:1:9: broker: {LITERAL}"]),
        ("broker: redis://:s3cret-${{ env.HOME }}@queue\n", [f"fleet.yaml:1:9: broker: {LITERAL}"]),
        ("airflow: {smtp: {smtp_password: s3cret}}\n", [f"fleet.yaml:1:33: airflow.smtp.smtp_password: {LITERAL}"]),
        ("env: {AWS_SECRET_ACCESS_KEY: s3cret}\n", [f"fleet.yaml:1:30: env.AWS_SECRET_ACCESS_KEY: {LITERAL}"]),
        ("env: {ELASTIC: 'https://me:s3cret@logs'}\n", [f"fleet.yaml:1:16: env.ELASTIC: {LITERAL}"]),
        # --- references -----------------------------------------------------------------------------
        (
            "user: ${{ vars.user }}\n",
            [
                "fleet.yaml:1:7: user: '${{ vars.user }}' is not known here\n"
                "hint: known: ${{ env.NAME }} and ${{ secrets.NAME }}"
            ],
        ),
        # --- proxy ----------------------------------------------------------------------------------
        ("proxy: {}\n", ["fleet.yaml:1:8: proxy: 'name' is missing: the host name that people type"]),
        ("proxy:\n", ["fleet.yaml:1:7: proxy: 'name' is missing: the host name that people type"]),
        (
            "proxy: {name: shop, tls: null}\n",
            [
                "fleet.yaml:1:26: proxy.tls: 'certificate' is missing: the PEM file of the certificate and its chain",
                "fleet.yaml:1:26: proxy.tls: 'key' is missing: the PEM file of its key",
            ],
        ),
        *(
            (
                f"proxy: {{name: shop, airflow: {path}}}\n",
                [
                    f"fleet.yaml:1:30: proxy.airflow: '{path}' is not a path: '/', or like '/myorg/airflow' without a "
                    "slash at the end"
                ],
            )
            for path in ("/../x", "/./x", "//x", "/x/..")
        ),
        (
            "proxy: {name: shop, airflow: /airflow, flower: /}\n",
            [
                "fleet.yaml:1:48: proxy.flower: '/' is where everything else lies\n"
                "hint: write '/flower', or leave it out"
            ],
        ),
        *(
            (
                f"proxy: {{name: shop, flower: {path}}}\n",
                [f"fleet.yaml:1:29: proxy.flower: '{path}' is a path of Airflow's own\nhint: '/flower' is free"],
            )
            for path in ("/auth", "/api", "/api/flower", "/execution", "/ui/x", "/static", "/dags")
        ),
        (
            "proxy: {name: shop, airflow: /a, flower: /a/auth}\n",
            ["fleet.yaml:1:42: proxy.flower: '/a/auth' is a path of Airflow's own\nhint: '/a/flower' is free"],
        ),
        *(
            (
                f"proxy: {{name: shop, airflow: /flower/metrics}}\nflower: {flower}\n",
                ["fleet.yaml:1:30: proxy.airflow: '/flower/metrics' is a path of Flower's own"],
            )
            for flower in ("true", "{port: 5556}")
        ),
        (
            "proxy: {name: shop, airflow: /flower/metrics, flower: /flower}\n",
            ["fleet.yaml:1:30: proxy.airflow: '/flower/metrics' is a path of Flower's own"],
        ),
        (
            "proxy: {name: 'https://shop'}\n",
            [
                "fleet.yaml:1:15: proxy.name: 'https://shop' is not an address: a host name or an IP address, "
                "without a port"
            ],
        ),
        (
            "proxy: {name: shop, airflow: myorg/}\n",
            [
                "fleet.yaml:1:30: proxy.airflow: 'myorg/' is not a path: '/', or like '/myorg/airflow' without a slash "
                "at the end"
            ],
        ),
        (
            "proxy: {name: shop, airflow: /a, flower: /a}\n",
            ["fleet.yaml:1:42: proxy.flower: '/a' is the path of Airflow"],
        ),
        (
            "proxy: {name: shop, redirect: 8080}\n",
            ["fleet.yaml:1:31: proxy.redirect: leads to TLS, and there is no 'tls'"],
        ),
        (
            "proxy: {name: shop, port: 8443, redirect: 8443, tls: {certificate: a.pem, key: a.key}}\n",
            ["fleet.yaml:1:43: proxy.redirect: port 8443 is the one that speaks TLS"],
        ),
        (
            "proxy: {name: shop, tls: {certificate: a.pem}}\n",
            ["fleet.yaml:1:26: proxy.tls: 'key' is missing: the PEM file of its key"],
        ),
        (
            "proxy: {name: shop, on: [font]}\nhosts: [{name: front, address: 10.0.0.1, scheduler: 1, api_server: 1, "
            "dag_processor: 1, workers: [{}]}]\n",
            ["fleet.yaml:1:26: proxy.on[0]: there is no host 'font'\nhint: did you mean 'front'?"],
        ),
        (
            "proxy: {name: shop, on: [front, '']}\nhosts: [{name: front, address: 10.0.0.1, scheduler: 1, "
            "api_server: 1, dag_processor: 1, workers: [{}]}]\n",
            [
                "fleet.yaml:1:33: proxy.on[1]: '' may only have letters, digits, '.', '_' and '-', and starts with a "
                "letter or digit"
            ],
        ),
        (
            "proxy: {name: shop}\nhosts: [{name: front, address: 10.0.0.1, scheduler: 1, api_server: 1, "
            "dag_processor: 1, workers: [{}]}]\n",
            ["fleet.yaml:1:8: proxy: must say on which host\nhint: 'on: front', for one"],
        ),
        # --- Flower ---------------------------------------------------------------------------------
        (
            "flower: {on: here}\n",
            ["fleet.yaml:1:14: flower.on: there is no host 'here'\nhint: the hosts are: local"],
        ),
        (
            "flower: true\nhosts: [{name: front, address: 10.0.0.1, scheduler: 1, api_server: 1, dag_processor: 1, "
            "workers: [{}]}]\n",
            ["fleet.yaml:1:9: flower: must say on which host\nhint: write 'flower: {on: HOST}'"],
        ),
        ("flower: yes\n", ["fleet.yaml:1:9: flower: must be true, false or a mapping"]),
        ("flower:\n", ["fleet.yaml:1:8: flower: must be true, false or a mapping"]),
        ("flower: {memory: 0MB}\n", ["fleet.yaml:1:18: flower.memory: must be more than nothing"]),
        # --- policies and the rest ------------------------------------------------------------------
        (
            "policies: {on_partition: repalce}\n",
            [
                "fleet.yaml:1:26: policies.on_partition: must be keep or replace, not 'repalce'\n"
                "hint: did you mean 'replace'?"
            ],
        ),
        (
            "policies: {push: {approval: 0}}\n",
            ["fleet.yaml:1:29: policies.push.approval: must be a whole number from 1 to 100"],
        ),
        (
            'name: shop\npolicies: {push: {signed_by: ""}}\n',
            ["fleet.yaml:2:30: policies.push.signed_by: must name a file\nhint: as in 'signed_by: keys/pushers'"],
        ),
        (
            "policies: {push: {signed_by: keys/pushers}}\n",
            [
                "fleet.yaml:1:30: policies.push.signed_by: needs the fleet's name, which signatures hold: the name of "
                "the folder may be another on each host\nhint: write 'name: NAME' into fleet.yaml"
            ],
        ),
        ("production: yes\n", ["fleet.yaml:1:13: production: must be true or false"]),
        ("log_retention: 30\n", ["fleet.yaml:1:16: log_retention: must be a duration, as in 12h or 30d"]),
        ("log_retention: a month\n", ["fleet.yaml:1:16: log_retention: must be a duration, as in 12h or 30d"]),
        ("log_retention: 0d\n", ["fleet.yaml:1:16: log_retention: must be more than nothing"]),
        (
            f"log_retention: {'9' * 400}d\n",
            ["fleet.yaml:1:16: log_retention: must be a duration, as in 12h or 30d"],
        ),
    ],
)  # fmt: skip
def test_a_problem_is_a_sentence_at_its_place(text: str, expected: list[str]) -> None:
    assert problems_of(text) == expected


@pytest.mark.parametrize(
    "text",
    ["database: mysql://a:s3cret@b/c\n", "broker: http://a:s3cret@b\n", "broker: redis://a:s3cret@b/c?nope=1\n"],
)
def test_a_password_in_a_wrong_url_is_not_repeated(text: str) -> None:
    assert "s3cret" not in "".join(problems_of(text))


def test_a_deploy_with_everything_and_with_nothing() -> None:
    fleet = read("deploy: {user: shop, folder: /srv/shop, python: 3.12, drain: 30m}\n")
    assert fleet.deploy == Deploy(user="shop", folder="/srv/shop", python="3.12", drain_seconds=1800.0)
    assert read("").deploy == Deploy(drain_seconds=600.0)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("folder: ~/shop", "folder: '~/shop' is not a folder: '/srv/shop', or 'shop' below the user's home"),
        ("folder: ../shop", "folder: '../shop' is not a folder: '/srv/shop', or 'shop' below the user's home"),
        (
            "python: 3.9",
            "python: '3.9' is no Python that airfleet runs on\nhint: it is one of: 3.11, 3.12, 3.13, 3.14",
        ),
        ("drain: 0s", "drain: must be more than nothing"),
        ("key: a", "key: unknown key 'key'\nhint: known keys: user, folder, python, requirements, drain"),
    ],
)
def test_a_wrong_deploy(value: str, problem: str) -> None:
    [found] = problems_of(f"deploy: {{{value}}}\n")
    assert found.partition(": deploy.")[2] == problem
