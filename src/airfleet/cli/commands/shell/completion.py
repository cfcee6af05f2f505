"""``airfleet completion``: the script that teaches a shell to complete airfleet's words."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from airfleet.cli.output import terminal


@click.command(
    epilog="\b\nExamples:\n  airfleet completion bash > ~/.local/share/bash-completion/completions/airfleet\n"
    '  airfleet completion zsh > "${fpath[1]}/_airfleet"\n'
    "  airfleet completion fish > ~/.config/fish/completions/airfleet.fish"
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell."""
    kind = get_completion_class(shell)
    assert kind is not None
    # The script asks airfleet itself for the words, through this variable.
    script = kind(ctx.find_root().command, {}, "airfleet", "_AIRFLEET_COMPLETE")
    terminal.put(script.source())
