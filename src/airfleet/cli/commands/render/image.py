"""``airfleet render image``: what an image of the fleet is built from."""

from __future__ import annotations

from pathlib import Path

import click

from airfleet.cli import options
from airfleet.cli.commands.fleet import plan
from airfleet.cli.commands.render import files
from airfleet.client.project import find


@click.command(
    name="image",
    epilog="\b\nExamples:\n  airfleet render image\n"
    "  airfleet render image --output image && docker build --tag shop-airfleet image",
)
@files.output
@options.env
@options.project
def command(output: Path | None, env: str | None, project: Path | None) -> None:
    """Print the Containerfile of an image for every host.

    With --output, the files that it copies are written, too: the lock of all distributions, with hashes, and
    the program that containers start with. The image has an ordinary user; code and secrets come in mounts.
    """
    from airfleet.render import image

    here = find(project, env)
    fleet, _ = plan.read(here)
    files.require_no_machine(fleet)
    made = image.files(fleet)
    files.put(made if output else {"Containerfile": made["Containerfile"]}, output)
