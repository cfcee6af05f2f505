"""The hosts of fleet.yaml: what each runs, and everything that can be wrong between them."""

from __future__ import annotations

import pytest

from airfleet.fleet.config.spec import NONE, ApiServer, Host, Instances, Worker, local_host
from support.fleet_files import problems_of, read

SERVERS = "database: postgresql://db/a\nbroker: redis://queue/0\n"
#: a host that could be a fleet by itself
ALL = "scheduler: true, api_server: true, dag_processor: true, workers: [{slots: 2}]"
HEAD = f"{SERVERS}hosts:\n"


def test_a_host_runs_what_it_names_and_nothing_else() -> None:
    fleet = read(f"""\
{SERVERS}
hosts:
  - name: control
    address: 10.0.0.11
    scheduler: 2
    api_server: {{count: 2, port: 9000, memory: 2GB}}
    dag_processor: {{memory: 512MB}}
    triggerer: true
  - name: work
    address: work.internal
    workers:
      - {{name: light, queues: [default, quick], slots: 8, memory: 4 GiB, count: 3}}
      - {{name: heavy}}
  - {{name: spare, address: "fd00::12", triggerer: {{count: 0}}, scheduler: false, workers: [{{}}]}}
witness: 10.0.0.1:22
""")
    assert fleet.hosts == (
        Host(
            "control",
            "10.0.0.11",
            scheduler=Instances(2),
            api_server=ApiServer(port=9000, count=2, memory_bytes=2**31),
            dag_processor=Instances(1, 2**29),
            triggerer=Instances(),
        ),
        Host(
            "work",
            "work.internal",
            workers=(Worker("light", ("default", "quick"), 8, 2**32, 3), Worker("heavy")),
        ),
        Host("spare", "fd00::12", workers=(Worker(),)),
    )
    assert fleet.queues == ("default", "quick")
    assert [worker.name for worker in fleet.workers] == ["light", "heavy", "worker"]


def test_without_hosts_the_same_keys_say_what_this_machine_runs() -> None:
    fleet = read("scheduler: 2\ntriggerer: false\ndag_processor: {count: 2}\napi_server: {count: 2}\n")
    expected = local_host(
        scheduler=Instances(2), triggerer=NONE, dag_processor=Instances(2), api_server=ApiServer(count=2)
    )
    assert fleet.hosts == (expected,)


def test_one_host_may_have_the_embedded_servers() -> None:
    assert read(f"hosts:\n  - {{name: one, address: 10.0.0.1, {ALL}}}\n").database == "embedded"


def test_a_fleet_on_loopback_is_one_machine_that_plays_several() -> None:
    text = f"{HEAD}  - {{name: a, address: 127.0.0.1, {ALL}}}\n  - {{name: b, address: 127.0.0.2, workers: [{{}}]}}\n"
    assert [host.address for host in read(text + "policies: {on_partition: keep}\n").hosts] == [
        "127.0.0.1",
        "127.0.0.2",
    ]


def two(address: str = "10.0.0.2", runs: str = "triggerer: 1", more: str = "witness: c:1\n", head: str = HEAD) -> str:
    """A fleet of two hosts."""
    second = f"  - {{name: b, address: '{address}', {runs}}}\n"
    return f"{head}  - {{name: a, address: 10.0.0.1, {ALL}}}\n{second}{more}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (two("0.0.0.0"), ["5:24: hosts[1].address: '0.0.0.0' is all addresses of a machine: the others cannot reach "
                          "'b' there"]),
        (two("::"), ["5:24: hosts[1].address: '::' is all addresses of a machine: the others cannot reach 'b' there"]),
        *(
            (two(own), [f"5:24: hosts[1].address: '{own}' is every machine's own: the others cannot reach 'b' there"])
            for own in ("LOCALHOST", "::ffff:127.0.0.1", "0:0:0:0:0:0:0:1", "b.localhost")
        ),
        *(
            (two(no), [f"5:24: hosts[1].address: '{no}' is not an address: a host name or an IP address, without a "
                       "port"])
            for no in ("999.1.1.1", "10.0.0", ":::", "fd00::g", "fe80::1%eth0")
        ),
        *(
            (two(more=f"witness: {where}:22\n"), [
                "6:10: witness: is 'b', a host of this fleet: when that one is cut off, so is its witness\nhint: name "
                "something else that both can reach: a router, or the server of the database"
            ])
            for where in ("10.0.0.2", "B")
        ),
        *(
            (two(head=f"database: {url}\nbroker: redis://queue/0\nhosts:\n"), [
                "1:11: database: names no server: it means a socket, and each of the hosts has its own\n"
                "hint: name the server, as in postgresql://user@host/airflow"
            ])
            for url in ("postgresql:///x", "postgresql://db/x?host=/run/postgresql", "postgresql://%2Frun/x")
        ),
        *(
            (two(head=f"database: {url}\nbroker: redis://queue/0\nhosts:\n"),
             [f"1:11: database: '{own}' is another machine on each of the hosts"])
            for url, own in (
                ("postgresql:///x?host=localhost", "localhost"),
                ("postgresql://db/x?hostaddr=127.0.0.1", "127.0.0.1"),
                ("postgresql://0.0.0.0/x", "0.0.0.0"),
            )
        ),
        (two(runs="api_server: {address: 192.168.1.5}"), [
            "5:58: hosts[1].api_server.address: the other hosts ask at '10.0.0.2', and it would listen at "
            "'192.168.1.5' alone\nhint: leave it out: it is its host's; '0.0.0.0' is every one of IPv4"
        ]),
        (two(more="proxy: {name: x, on: [a]}\nflower: {on: b, address: 127.0.0.1}\nwitness: c:1\n"), [
            "7:26: flower.address: at '127.0.0.1' the other hosts cannot reach it\nhint: leave it out: it is its host's"
        ]),
        (two(more="proxy: {name: x, on: [a]}\nflower: {on: b, address: 10.9.9.9}\nwitness: c:1\n"), [
            "7:26: flower.address: the other hosts ask at '10.0.0.2', and it would listen at '10.9.9.9' alone\n"
            "hint: leave it out: it is its host's; '0.0.0.0' is every one of IPv4"
        ]),
        (two(more="proxy: {name: x, on: [a, c]}\nwitness: c:1\n"), [
            "6:26: proxy.on[1]: there is no host 'c'\nhint: the hosts are: a, b"
        ]),
        (two(more="proxy: {name: x, on: c}\nwitness: c:1\n"), [
            "6:22: proxy.on: there is no host 'c'\nhint: the hosts are: a, b"
        ]),
    ],
)  # fmt: skip
def test_what_keeps_two_hosts_apart_is_a_problem(text: str, expected: list[str]) -> None:
    assert problems_of(text) == [f"fleet.yaml:{problem}" for problem in expected]


@pytest.mark.parametrize(
    "text",
    [
        two(runs="api_server: {address: 0.0.0.0}"),
        two("b.internal", runs="api_server: {address: 10.0.0.2}"),
        two(more="proxy: {name: x, on: [a]}\nflower: {on: a, address: 127.0.0.1}\nwitness: c:1\n"),
        two(head="database: postgresql://?service=shop\nbroker: redis://queue/0\nhosts:\n"),
        two("fd00::2", more="witness: '[fd00::1]:22'\n"),
    ],
)
def test_what_may_well_be_reached_is_taken(text: str) -> None:
    assert len(read(text).hosts) == 2


def test_where_the_others_find_the_api_servers_of_a_host() -> None:
    (host,) = read(
        f"{HEAD}  - {{name: a, address: 10.0.0.1, {ALL.replace('api_server: true', 'api_server: 2')}}}"
    ).hosts
    assert host.api_addresses == (("10.0.0.1", 8080), ("10.0.0.1", 8081))


def test_what_is_wrong_between_values_is_said_at_once_with_what_is_wrong_in_others() -> None:
    text = f"""\
database: mysql://db
user: a:b
hosts:
  - {{name: a, address: 10.0.0.1, {ALL}}}
  - {{name: b, address: 10.0.0.2, triggerer: 1}}
"""
    assert [problem.split(": ")[1] for problem in problems_of(text)] == ["database", "user", "broker", "hosts"]


def test_what_only_follows_from_another_mistake_is_not_said() -> None:
    (problem,) = problems_of(f"{HEAD}  - {{name: a, address: 10.0.0.1, {ALL.replace('scheduler', 'schedulr')}}}\n")
    assert "unknown key 'schedulr'" in problem
    (problem,) = problems_of("schedulr: 1\nscheduler: false\n")
    assert "unknown key 'schedulr'" in problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # --- what a host is -------------------------------------------------------------------------
        ("hosts: control\n", ["fleet.yaml:1:8: hosts: must be a list"]),
        ("hosts: []\n", ["fleet.yaml:1:8: hosts: must name at least one host"]),
        (
            "hosts: [{}]\n",
            [
                "fleet.yaml:1:9: hosts[0]: 'name' is missing: what the others and you call it",
                "fleet.yaml:1:9: hosts[0]: 'address' is missing: how the other hosts reach it",
            ],
        ),
        (
            "hosts:\n  -\n",
            [
                "fleet.yaml:2:4: hosts[0]: 'name' is missing: what the others and you call it",
                "fleet.yaml:2:4: hosts[0]: 'address' is missing: how the other hosts reach it",
            ],
        ),
        (
            "hosts: [{name: a b, adress: 10.0.0.1}]\n",
            [
                "fleet.yaml:1:21: hosts[0].adress: unknown key 'adress'\nhint: did you mean 'address'?",
                "fleet.yaml:1:9: hosts[0]: 'address' is missing: how the other hosts reach it",
                "fleet.yaml:1:16: hosts[0].name: 'a b' may only have letters, digits, '.', '_' and '-', and starts "
                "with a letter or digit",
            ],
        ),
        (
            "hosts: [{name: a, address: '10.0.0.1:22'}]\n",
            [
                "fleet.yaml:1:28: hosts[0].address: '10.0.0.1:22' is not an address: a host name or an IP address, "
                "without a port"
            ],
        ),
        (
            "hosts: [{name: a, address: b, scheduler: many}]\n",
            [
                "fleet.yaml:1:42: hosts[0].scheduler: must be true, false, a whole number from 0 to 100, or a mapping"
            ],
        ),
        (
            "hosts: [{name: a, address: b, scheduler: 101}]\n",
            [
                "fleet.yaml:1:42: hosts[0].scheduler: must be true, false, a whole number from 0 to 100, or a mapping"
            ],
        ),
        (
            "hosts: [{name: a, address: b, scheduler: {count: -1, memory: 2}}]\n",
            [
                "fleet.yaml:1:50: hosts[0].scheduler.count: must be a whole number from 0 to 100",
                "fleet.yaml:1:62: hosts[0].scheduler.memory: must be a size, as in 512MB or 4GB",
            ],
        ),
        (
            "hosts: [{name: a, address: b, workers: [{count: 0}]}]\n",
            ["fleet.yaml:1:49: hosts[0].workers[0].count: must be a whole number from 1 to 100"],
        ),
        (
            "hosts: [{name: a, address: b}, {name: a, address: c}]\n",
            ["fleet.yaml:1:32: hosts[1].name: there are two hosts named 'a'"],
        ),
        (
            "hosts: [{name: local, address: b}]\n",
            ["fleet.yaml:1:9: hosts[0].name: 'local' is the name of a host without one\nhint: any other will do"],
        ),
        (
            "hosts: [{name: a, address: b, workers: [{name: w, count: 2}, {name: w-2}, {name: scheduler-1}]}]\n",
            ["fleet.yaml:1:62: hosts[0].workers[1].name: there are two workers named 'w-2'"],
        ),
        (
            "hosts: [{name: a, address: b, workers: [{name: w-2}, {name: w, count: 2}, {name: nginx}]}]\n",
            [
                "fleet.yaml:1:54: hosts[0].workers[1].name: there are two workers named 'w-2' (one of the 2 of 'w')",
                "fleet.yaml:1:75: hosts[0].workers[2].name: 'nginx' is the name of another component",
            ],
        ),
        (
            "workers: [{}, null, 5, {slots: 2}]\n",
            [
                "fleet.yaml:1:15: workers[1]: is an empty entry\nhint: take the '-' away, or write '- {}' for a usual "
                "worker",
                "fleet.yaml:1:21: workers[2]: must be a mapping of keys to values",
                "fleet.yaml:1:24: workers[3].name: there are two workers named 'worker'",
            ],
        ),
        (
            f"workers: [{{}}]\nscheduler: 1\nhosts: [{{name: a, address: b, {ALL}}}]\n",
            [
                "fleet.yaml:2:12: scheduler: stands beside 'hosts', which says what each host runs\nhint: write "
                "'scheduler' below a host; what is in another file, 'scheduler: null' takes away",
                "fleet.yaml:1:10: workers: stands beside 'hosts', which says what each host runs\nhint: write "
                "'workers' below a host; what is in another file, 'workers: null' takes away",
            ],
        ),
        # --- what must run somewhere ----------------------------------------------------------------
        (
            f"{HEAD}  - {{name: a, address: 10.0.0.1, triggerer: true}}\n",
            [
                "fleet.yaml:4:3: hosts: no scheduler runs anywhere: no task would ever start",
                "fleet.yaml:4:3: hosts: no api-server runs anywhere: there would be no UI, and no task could report",
                "fleet.yaml:4:3: hosts: no dag-processor runs anywhere: no pipeline would ever be read",
                "fleet.yaml:4:3: hosts: no worker runs anywhere: every task would wait for ever",
            ],
        ),
        ("scheduler: false\n", ["fleet.yaml:1:12: scheduler: no scheduler runs anywhere: no task would ever start"]),
        (
            f"{HEAD}  - {{name: a, address: 10.0.0.1, {ALL}}}\n  - {{name: b, address: 10.0.0.2}}\nwitness: c:1\n",
            ["fleet.yaml:5:5: hosts[1]: host 'b' runs nothing"],
        ),
        # --- what the hosts must reach --------------------------------------------------------------
        (
            f"hosts:\n  - {{name: a, address: 10.0.0.1, {ALL}}}\n  - {{name: b, address: 10.0.0.2, triggerer: 1}}\n"
            "witness: c:1\n",
            [
                "fleet.yaml:1:1: database: the embedded database serves one host only, and this fleet has 2\nhint: "
                "name a server that all of them reach: 'database: postgresql://airflow@db.example.com/airflow'",
                "fleet.yaml:1:1: broker: the embedded broker serves one host only, and this fleet has 2\nhint: "
                "name a server that all of them reach: 'broker: redis://queue.example.com:6379/0'",
            ],
        ),
        (
            f"{HEAD}  - {{name: a, address: 10.0.0.1, {ALL}}}\n  - {{name: b, address: localhost, triggerer: 1}}\n"
            "witness: 127.0.0.1:1\n",
            [
                "fleet.yaml:5:24: hosts[1].address: 'localhost' is every machine's own: the others cannot reach 'b' "
                "there",
                "fleet.yaml:6:10: witness: '127.0.0.1' is another machine on each of the hosts",
            ],
        ),
        (
            f"database: postgresql://a@localhost:5432/a\nbroker: amqp://mq;amqp://[::1]\nhosts:\n"
            f"  - {{name: a, address: 10.0.0.1, {ALL}}}\n  - {{name: b, address: 10.0.0.2, triggerer: 1}}\n"
            "witness: c:1\n",
            [
                "fleet.yaml:1:11: database: 'localhost' is another machine on each of the hosts",
                "fleet.yaml:2:9: broker: '::1' is another machine on each of the hosts",
            ],
        ),
        (
            f"{HEAD}  - {{name: a, address: 10.0.0.1, {ALL}}}\n  - {{name: b, address: 10.0.0.1, triggerer: 1}}\n"
            "witness: c:1\n",
            ["fleet.yaml:5:24: hosts[1].address: '10.0.0.1' is the address of 'a' already"],
        ),
        (
            f"{HEAD}  - {{name: a, address: 10.0.0.1, {ALL}}}\n"
            "  - {name: b, address: 10.0.0.2, api_server: {address: 127.0.0.1}}\nwitness: c:1\n",
            [
                "fleet.yaml:5:56: hosts[1].api_server.address: at '127.0.0.1' the other hosts cannot reach it\n"
                "hint: leave it out: it is its host's"
            ],
        ),
        (
            f"{HEAD}  - {{name: a, address: 10.0.0.1, {ALL}}}\n  - {{name: b, address: 10.0.0.2, triggerer: 1}}\n",
            [
                "fleet.yaml:4:3: hosts: two hosts that lose sight of each other cannot tell which of them is cut off\n"
                "hint: name something that both can reach, 'witness: HOST:PORT', or a third host; or say 'policies: "
                "{on_partition: keep}'"
            ],
        ),
        ("witness: gateway\n", ["fleet.yaml:1:10: witness: 'gateway' is not HOST:PORT"]),
        ("witness: gateway:70000\n", ["fleet.yaml:1:10: witness: 'gateway:70000' is not HOST:PORT"]),
        # --- ports ----------------------------------------------------------------------------------
        (
            f"{HEAD}  - {{name: a, address: 127.0.0.1, {ALL}}}\n  - {{name: b, address: 127.0.0.1, api_server: 1}}\n"
            "witness: c:1\n",
            [
                "fleet.yaml:5:47: hosts[1].api_server.port: port 8080 of 127.0.0.1 is given to the api-server of 'a' "
                "already"
            ],
        ),
        (
            "api_server: {port: 5555}\nflower: true\n",
            ["fleet.yaml:2:9: flower.port: port 5555 of 127.0.0.1 is given to the api-server already"],
        ),
        (
            "api_server: {port: 8080, count: 2}\nproxy: {name: shop, port: 8081}\n",
            ["fleet.yaml:2:27: proxy.port: port 8081 of 127.0.0.1 is given to the api-server already"],
        ),
        (
            "api_server: {port: 8080}\nproxy: {name: shop, port: 8080}\n",
            ["fleet.yaml:2:27: proxy.port: port 8080 of 127.0.0.1 is given to the api-server already"],
        ),
    ],
)  # fmt: skip
def test_a_problem_is_a_sentence_at_its_place(text: str, expected: list[str]) -> None:
    assert problems_of(text) == expected


@pytest.mark.parametrize("destination", ["work", "deploy@work.example.com", "ssh://deploy@work:2222", "fd00::2"])
def test_a_deploy_logs_in_where_ssh_would(destination: str) -> None:
    fleet = read(f"hosts: [{{name: a, address: 10.0.0.1, ssh: '{destination}', {ALL}}}]\n")
    assert fleet.hosts[0].ssh == destination


@pytest.mark.parametrize("destination", ["-oProxyCommand=x", "a b"])
def test_a_destination_is_no_option_and_one_word(destination: str) -> None:
    assert problems_of(f"hosts: [{{name: a, address: 10.0.0.1, ssh: '{destination}', {ALL}}}]\n") == [
        f"fleet.yaml:1:43: hosts[0].ssh: '{destination}' is not a destination of ssh: user@host, a host, or "
        "ssh://user@host:port"
    ]
