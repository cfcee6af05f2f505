"""``airfleet lsp``: problems, completion and definitions for an editor."""

from __future__ import annotations

import importlib.util

import click

from airfleet.errors import FleetError


@click.command(epilog="\b\nExample, as an editor's setting of a language server for YAML:\n  airfleet lsp")
def command() -> None:
    """Serve an editor: problems, completion, definitions.

    The editor starts it and speaks the Language Server Protocol by standard input and output.
    """
    if importlib.util.find_spec("pygls") is None:
        raise FleetError("a library for editors is missing", "pip install 'airfleet[editor]'")
    from airfleet.editor import server

    server.serve()
