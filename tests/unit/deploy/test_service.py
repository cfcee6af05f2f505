"""The unit of systemd, where that runs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from airfleet.deploy import service
from airfleet.deploy.facts import Facts
from airfleet.deploy.layout import Layout
from airfleet.render import systemd

PLACE = Layout("/srv/shop")
UP = ("/srv/shop/airfleet", "up")
DRAIN = 1800.0


def test_without_systemd_the_agent_runs_alone() -> None:
    assert service.start(PLACE, Facts("/srv/shop", uid=0), "shop", DRAIN) == ""


def test_roots_unit_is_one_of_the_system_and_anybody_elses_one_of_the_user() -> None:
    root = service.start(PLACE, Facts("/srv/shop", uid=0, has_systemd=True), "shop", DRAIN)
    user = service.start(PLACE, Facts("/srv/shop", uid=1000, has_systemd=True), "shop", DRAIN)
    assert "> /etc/systemd/system/airfleet-shop.service" in root
    assert "else systemctl restart airfleet-shop.service;" in root
    assert '> "$HOME"/.config/systemd/user/airfleet-shop.service' in user
    assert "else systemctl --user restart airfleet-shop.service;" in user


def test_the_scripts_are_scripts() -> None:
    for uid in (0, 1000):
        script = service.start(PLACE, Facts("/srv/shop", uid=uid, has_systemd=True), "shop", DRAIN)
        subprocess.run(["sh", "-n", "-c", script], check=True)


def test_the_unit_leaves_running_tasks_alone_and_starts_at_boot() -> None:
    lines = systemd.unit_of_command(UP, "shop", DRAIN, is_of_root=True).splitlines()
    assert "ExecStart=/srv/shop/airfleet up --adopt --timeout 10m --drain 1800s" in lines
    assert "TimeoutStopSec=1840s" in lines
    assert {"KillMode=process", "Restart=on-failure", "Delegate=yes", "WantedBy=multi-user.target"} < set(lines)
    assert "WantedBy=default.target" in systemd.unit_of_command(UP, "shop", DRAIN, is_of_root=False).splitlines()


def test_the_unit_is_written_enabled_and_started_and_the_agent_awaited(tmp_path: Path) -> None:
    place = Layout(str(tmp_path / "shop"))
    socket = tmp_path / "shop/.airfleet/hosts/work-1/run/agent.sock"
    socket.parent.mkdir(parents=True)
    fake = tmp_path / "bin" / "systemctl"
    fake.parent.mkdir()
    bind = f"import socket; socket.socket(socket.AF_UNIX).bind('{socket}')"
    fake.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\ncase "$*" in *restart*) python3 -c "{bind}";; esac\n')
    fake.chmod(0o755)
    script = service.start(place, Facts(place.folder, uid=1000, has_systemd=True), "shop", DRAIN)
    environ = {"HOME": str(tmp_path), "PATH": f"{fake.parent}:{os.environ['PATH']}"}
    subprocess.run(["sh", "-e", "-c", script], env=environ, check=True, timeout=30)
    written = (tmp_path / ".config/systemd/user/airfleet-shop.service").read_text()
    assert written == systemd.unit_of_command((place.command, "up"), "shop", DRAIN, is_of_root=False)
    made = ["--user daemon-reload", "--user enable --quiet airfleet-shop.service"]
    assert (tmp_path / "calls").read_text().splitlines() == [*made, "--user restart airfleet-shop.service"]
    (tmp_path / "shop" / "airfleet").write_text("#!/bin/sh\nexit 4\n")
    (tmp_path / "shop" / "airfleet").chmod(0o755)
    subprocess.run(["sh", "-e", "-c", script], env=environ, check=True, timeout=30)
    assert (tmp_path / "calls").read_text().splitlines()[3:] == made, "an agent that runs was started anew"


def test_words_that_systemd_would_read_in_its_own_way_are_quoted() -> None:
    up = ("/srv/my shop/airfleet", "-C", "/srv/100%", "up")
    text = systemd.unit_of_command(up, "shop", DRAIN, is_of_root=True)
    words = '"/srv/my shop/airfleet" -C /srv/100%% up --adopt --timeout 10m --drain 1800s'
    assert f"ExecStart={words}" in text.splitlines()


def test_the_unit_is_taken_away_where_there_may_be_one() -> None:
    assert service.remove(Facts("/srv/shop", uid=0), "shop") == ""
    root, user = (service.remove(Facts("/srv/shop", uid=uid, has_systemd=True), "shop") for uid in (0, 1000))
    assert "systemctl disable --quiet --now airfleet-shop.service" in root
    assert "rm -f /etc/systemd/system/airfleet-shop.service" in root
    assert "systemctl --user disable --quiet --now airfleet-shop.service" in user
    assert 'rm -f "$HOME"/.config/systemd/user/airfleet-shop.service' in user
    for script in (root, user):
        subprocess.run(["sh", "-n", "-c", script], check=True)
