"""``airfleet render``: the group of its targets."""

from __future__ import annotations

import click

from airfleet.cli.commands.render import airflow_cfg, compose, helm, image, nginx, systemd


@click.group(
    name="render",
    epilog="\b\nExamples:\n  airfleet render nginx --output /etc/airfleet/nginx\n"
    "  airfleet render systemd --host work-1\n"
    "  airfleet render compose --output .",
)
def command() -> None:
    """Print what fleet.yaml means to other programs."""


for target in (nginx, systemd, compose, image, helm, airflow_cfg):
    command.add_command(target.command)
