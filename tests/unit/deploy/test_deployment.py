"""Deploys to hosts that run the real scripts in a shell: order, idempotence, barrier, and the way back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from airfleet.deploy.deployment import Refused
from airfleet.errors import FleetError
from airfleet.fleet.servers import secrets
from support.fleet_files import read
from support.shell_hosts import Laptop, ShellHost

FLEET = """\
name: shop
database: postgresql://airflow@127.0.0.1:{port}/airflow
broker: redis://127.0.0.1:{port}
policies: {{on_partition: keep}}
hosts:
  - {{name: a, address: 127.0.0.2, scheduler: true, api_server: {{port: 1}}, dag_processor: true}}
  - {{name: b, address: 127.0.0.3, workers: [{{slots: 2}}]}}
  - {{name: c, address: 127.0.0.4, workers: [{{slots: 2}}]}}
deploy: {{folder: shop}}
"""


@pytest.fixture
def laptop(tmp_path: Path, listening: int) -> Laptop:
    scripts: list[tuple[str, str]] = []
    hosts = {name: ShellHost(name, tmp_path / name, scripts).prepare() for name in "abc"}
    return Laptop(read(FLEET.format(port=listening)), hosts)


def currents(laptop: Laptop) -> list[str]:
    return [host.current for host in laptop.hosts.values()]


def test_hosts_with_nothing_become_healthy_and_a_second_deploy_finds_nothing_to_do(laptop: Laptop) -> None:
    assert laptop.deploy()
    assert all(name.startswith("0.1.0-") for name in currents(laptop))
    before = {host.name: host.calls for host in laptop.hosts.values()}
    assert not laptop.deploy()
    assert {host.name: host.calls for host in laptop.hosts.values()} == before


def test_the_command_of_a_host_knows_its_name_and_the_variables(laptop: Laptop) -> None:
    laptop.deploy()
    text = (laptop.hosts["b"].folder / "airfleet").read_text()
    assert "export AIRFLEET_HOST=b\n" in text
    assert """export TOKEN='it'"'"'s secret'\n""" in text


def test_no_script_holds_a_secret(laptop: Laptop) -> None:
    laptop.deploy()
    assert laptop.secrets is not None
    scripts = "".join(script for _, script in laptop.hosts["a"].scripts)
    assert "it's secret" not in scripts
    assert laptop.secrets.peers_key not in scripts


def test_an_edit_goes_from_host_to_host_each_healthy_before_the_next(laptop: Laptop) -> None:
    laptop.deploy()
    laptop.text += "vars: {bucket: orders}\n"
    laptop.said.clear()
    laptop.deploy()
    changed = [(host, says.partition(":")[0]) for host, says in laptop.said if "start" in says or "drain" in says]
    parts = ["drain and stop", "start, and wait until it is healthy"]
    assert changed == [(host, part) for host in "abc" for part in parts]


def test_a_host_that_fails_goes_back_and_those_after_it_are_not_touched(laptop: Laptop) -> None:
    laptop.deploy()
    before, calls = currents(laptop), laptop.hosts["c"].calls
    laptop.text += "vars: {bucket: wrong}\n"
    laptop.hosts["b"].breaks_on("wrong")
    with pytest.raises(FleetError) as failed:
        laptop.deploy()
    assert str(failed.value) == (
        "host 'b': start, and wait until it is healthy:\n"
        "  error: it is broken\n"
        f"host 'b' runs {before[1]} again, as before\n"
        "host 'c' was not touched\n"
        "hint: 'airfleet deploy' again, once the reason is gone"
    )
    assert currents(laptop)[0] != before[0]
    assert currents(laptop)[1:] == before[1:]
    assert laptop.hosts["c"].calls == calls
    assert laptop.look().facts["b"].is_well
    assert "gone back" in (laptop.hosts["b"].folder / "deploy.log").read_text()


def test_a_first_version_that_fails_leaves_nothing_current(laptop: Laptop) -> None:
    laptop.hosts["a"].breaks_on("shop")
    with pytest.raises(FleetError, match="host 'a' is back at what it had: nothing"):
        laptop.deploy()
    assert currents(laptop) == ["", "", ""]
    assert not (laptop.hosts["a"].folder / "fleet.yaml").is_symlink()


def test_hosts_change_together_where_the_new_version_cannot_run_beside_the_old(laptop: Laptop) -> None:
    laptop.deploy()
    laptop.rules = {"on_partition": "replace"}
    laptop.said.clear()
    laptop.deploy()
    changed = [(host, says.partition(":")[0]) for host, says in laptop.said if "start" in says or "drain" in says]
    stops, starts = changed[:3], changed[3:]
    assert sorted(stops) == [(host, "drain and stop") for host in "abc"]
    assert stops[-1][0] == "a", "tasks report their end to its api-server"
    assert [host for host, _ in starts] == ["a", "b", "c"]
    assert (
        "",
        "all hosts change together: the new version goes by other rules: on_partition replace, there nothing",
    ) in (laptop.said)


def test_hosts_that_changed_together_go_back_together(laptop: Laptop) -> None:
    laptop.deploy()
    before = currents(laptop)
    laptop.rules = {"on_partition": "replace"}
    laptop.text += "vars: {bucket: wrong}\n"
    laptop.hosts["b"].breaks_on("wrong")
    with pytest.raises(FleetError):
        laptop.deploy()
    assert currents(laptop) == before
    assert all(facts.is_well for facts in laptop.look().facts.values())


def test_undo_goes_back_and_forth(laptop: Laptop) -> None:
    laptop.deploy()
    first = currents(laptop)
    laptop.text += "vars: {bucket: orders}\n"
    laptop.deploy()
    second = currents(laptop)
    for expected in (first, second):
        deployment = laptop.deployment
        deployment.carry_out(deployment.back(laptop.look()))
        assert currents(laptop) == expected


def test_there_is_no_way_back_from_the_first_version(laptop: Laptop) -> None:
    laptop.deploy()
    with pytest.raises(Refused, match="host 'a' has no version before"):
        laptop.deployment.back(laptop.look())


def test_versions_that_nobody_goes_back_to_are_removed(laptop: Laptop) -> None:
    for number in range(4):
        laptop.text = f"name: shop\nvars: {{number: {number}}}\n"
        laptop.deploy()
    assert len(list((laptop.hosts["a"].folder / "versions").iterdir())) == 2


def test_a_host_that_does_not_answer_is_named_with_the_problems_of_the_others(laptop: Laptop) -> None:
    laptop.hosts["b"].is_off = True
    (laptop.hosts["c"].folder / "deploy.lock").write_text("bob@ci\n")
    with pytest.raises(Refused) as refused:
        laptop.deploy()
    assert refused.value.problems == ("host 'b' does not answer", "host 'c' is being deployed by bob@ci")
    assert currents(laptop) == ["", "", ""]


def test_a_host_that_is_down_is_started_again(laptop: Laptop) -> None:
    laptop.deploy()
    (laptop.hosts["b"].folder / "up").unlink()
    laptop.said.clear()
    assert laptop.deploy()
    assert {host for host, _ in laptop.said} == {"b"}


def test_a_host_that_is_not_well_for_a_moment_is_waited_for_and_not_stopped(laptop: Laptop) -> None:
    laptop.deploy()
    host = laptop.hosts["b"]
    before = host.calls
    (host.folder / "state").write_text("degraded")
    laptop.deploy()
    assert [call.split()[1] for call in host.calls[len(before) :]] == ["up"]


def test_a_host_that_somebody_deploys_to_is_refused_until_the_lock_is_broken(laptop: Laptop) -> None:
    laptop.deploy()
    (laptop.hosts["b"].folder / "deploy.lock").write_text("bob@ci since 12:00 (process 7)\n")
    laptop.text += "vars: {bucket: orders}\n"
    with pytest.raises(Refused, match=r"host 'b' is being deployed by bob@ci since 12:00 \(process 7\)"):
        laptop.deploy()
    deployment = replace(laptop.deployment, breaks_locks=True)
    deployment.carry_out(deployment.plan(laptop.look()))
    assert not (laptop.hosts["b"].folder / "deploy.lock").exists()


def test_two_deploys_at_once_are_one(laptop: Laptop) -> None:
    deployment = laptop.deployment
    planned = deployment.plan(laptop.look())
    (laptop.hosts["c"].folder / "deploy.lock").write_text("bob@ci\n")
    with pytest.raises(Refused, match="host 'c' is being deployed by bob@ci"):
        deployment.carry_out(planned)
    assert currents(laptop) == ["", "", ""]
    assert not (laptop.hosts["a"].folder / "deploy.lock").exists()


def test_every_host_gets_its_secrets_alone(laptop: Laptop) -> None:
    laptop.deploy()
    kept = {
        name: json.loads((host.folder / ".airfleet/secrets.json").read_text()) for name, host in laptop.hosts.items()
    }
    assert set(kept["b"]) == {"for_fleet", "for_host", "peers_key"}
    assert "fernet_key" in kept["a"]


def test_without_the_secrets_here_hosts_keep_theirs_and_one_without_is_named(laptop: Laptop) -> None:
    laptop.deploy()
    laptop.secrets = None
    laptop.text += "vars: {bucket: orders}\n"
    assert laptop.deploy()
    (laptop.hosts["c"].folder / ".airfleet/secrets.json").unlink()
    with pytest.raises(Refused) as refused:
        laptop.deploy()
    assert refused.value.problems == (
        "host 'c' lacks secrets of the fleet (peers_key), which are not here: deploy once from the folder that has "
        ".airfleet/secrets.json",
    )


def test_another_key_than_that_of_the_data_is_refused_and_other_secrets_are_renewed_together(laptop: Laptop) -> None:
    laptop.deploy()
    kept = laptop.secrets
    assert kept is not None
    laptop.secrets = secrets.generate()
    with pytest.raises(Refused, match="host 'a' has other secrets than this folder \\(fernet_key\\)"):
        laptop.deploy()
    laptop.secrets = replace(kept, peers_key="renewed")
    assert laptop.deploy()
    assert ("", "all hosts change together: the new version has other secrets") in laptop.said
    assert not laptop.deploy()


def edited(laptop: Laptop, change: str, hosts: str) -> list[str]:
    """Deploy an edit that changes components of some hosts; the hosts that were drained."""
    laptop.text += change
    for host in laptop.hosts.values():
        (host.folder / "changes").write_text(hosts)
    laptop.said.clear()
    laptop.deploy()
    return [host for host, says in laptop.said if says.startswith("drain")]


def test_an_edit_of_one_host_restarts_no_other_one(laptop: Laptop) -> None:
    laptop.deploy()
    before = currents(laptop)
    assert edited(laptop, "hosts: [{name: b, address: x, workers: [{slots: 4}]}]\n", "b") == ["b"]
    assert all(new != old for new, old in zip(currents(laptop), before, strict=True)), "all have the new file"
    assert not laptop.deploy()


def test_an_edit_of_anything_else_restarts_all_hosts(laptop: Laptop) -> None:
    laptop.deploy()
    assert edited(laptop, "vars: {bucket: orders}\n", "") == ["a", "b", "c"]


def test_a_host_that_is_not_well_is_started_anew(laptop: Laptop) -> None:
    laptop.deploy()
    (laptop.hosts["c"].folder / "state").write_text("degraded")
    assert edited(laptop, "hosts: [{name: b, address: x}]\n", "") == ["c"]


def test_a_host_that_fails_after_the_comparison_goes_back(laptop: Laptop) -> None:
    laptop.deploy()
    before = currents(laptop)
    laptop.hosts["b"].breaks_on("x")
    with pytest.raises(FleetError, match=rf"host 'b' runs {before[1]} again"):
        edited(laptop, "hosts: [{name: b, address: x}]\n", "b")
    assert currents(laptop)[1:] == before[1:]


def test_what_sudo_does_comes_before_everything_else(laptop: Laptop) -> None:
    found = laptop.look()
    one = laptop.hosts["a"]
    (one.home / "bin").mkdir()
    (one.home / "bin" / "sudo").write_text("#!/bin/sh\n")
    (one.home / "bin" / "sudo").chmod(0o755)
    closed = replace(found.facts["a"], is_writable=False, sudo_makes_folder=True)
    deployment = laptop.deployment
    deployment.carry_out(deployment.plan(replace(found, facts={**found.facts, "a": closed})))
    assert laptop.said[0][1].startswith(f"make {one.folder} with sudo")
    [lock, *_] = [number for number, (_, script) in enumerate(one.scripts) if "deploy.lock.new" in script]
    assert "sudo -n install" in one.scripts[lock - 1][1]


def test_another_secret_of_fleet_yaml_restarts_all_hosts(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    laptop.deploy()
    monkeypatch.setattr(laptop, "variables", {"TOKEN": "another"})
    assert edited(laptop, "", "") == ["a", "b", "c"]
