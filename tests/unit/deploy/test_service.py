"""The unit of systemd, where that runs."""

from __future__ import annotations

import subprocess

from airfleet.deploy import service
from airfleet.deploy.facts import Facts
from airfleet.deploy.layout import Layout

PLACE = Layout("/srv/shop")


def test_without_systemd_the_agent_runs_alone() -> None:
    assert service.start(PLACE, Facts("/srv/shop", uid=0), "shop") == ""


def test_roots_unit_is_one_of_the_system_and_anybody_elses_one_of_the_user() -> None:
    root = service.start(PLACE, Facts("/srv/shop", uid=0, has_systemd=True), "shop")
    user = service.start(PLACE, Facts("/srv/shop", uid=1000, has_systemd=True), "shop")
    assert "> /etc/systemd/system/airfleet-shop.service" in root
    assert "\nsystemctl restart airfleet-shop.service" in root
    assert '> "$HOME/.config/systemd/user"/airfleet-shop.service' in user
    assert "\nsystemctl --user restart airfleet-shop.service" in user


def test_the_scripts_are_scripts() -> None:
    for uid in (0, 1000):
        script = service.start(PLACE, Facts("/srv/shop", uid=uid, has_systemd=True), "shop")
        subprocess.run(["sh", "-n", "-c", script], check=True)


def test_the_unit_leaves_running_tasks_alone_and_starts_at_boot() -> None:
    lines = service.unit(PLACE, "shop", is_of_root=True).splitlines()
    assert "ExecStart=/srv/shop/airfleet up" in lines
    assert {"KillMode=process", "Restart=on-failure", "Delegate=yes", "WantedBy=multi-user.target"} < set(lines)
    assert "WantedBy=default.target" in service.unit(PLACE, "shop", is_of_root=False).splitlines()
