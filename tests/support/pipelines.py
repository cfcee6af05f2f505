"""Small pipelines for fleets under test."""

from __future__ import annotations

from airfleet.testing.ledger import Ledger

HELLO = """\
# A word to find in the UI: periwinkle.
dag_id: hello
schedule: null
start_date: 2026-01-01
tasks:
  - {id: say, uses: bash, with: {bash_command: "echo good day"}}
"""

#: A task that shows what it was given to live in; the output is one line.
SHOWS_ENVIRONMENT = """\
dag_id: shows_environment
schedule: null
start_date: 2026-01-01
tasks:
  - {id: show, uses: bash, with: {bash_command: "env | sort"}}
  - {id: tell, uses: "looking:settings"}
"""

FAILS = """\
dag_id: fails
schedule: null
start_date: 2026-01-01
tasks:
  - {id: prepare, uses: bash, with: {bash_command: "echo prepared"}}
  - {id: divide, uses: "looking:divide", needs: [prepare], with: {by: 0}}
  - {id: publish, uses: bash, needs: [divide], with: {bash_command: "echo published"}}
"""

LOOKING = '''\
"""Functions that the small pipelines call."""


def divide(by: int) -> float:
    """One divided by something."""
    return 1 / by


def settings() -> dict[str, str]:
    """The secret settings as this task sees them."""
    from airflow.sdk.configuration import conf

    wanted = {
        "database": ("database", "sql_alchemy_conn"),
        "tokens": ("api_auth", "jwt_secret"),
        "fernet": ("core", "fernet_key"),
        "sessions": ("api", "secret_key"),
    }
    return {name: conf.get(*where, fallback="") or "" for name, where in wanted.items()}
'''

FILES = {
    "pipelines/hello.yaml": HELLO,
    "pipelines/shows_environment.yaml": SHOWS_ENVIRONMENT,
    "pipelines/fails.yaml": FAILS,
    "looking.py": LOOKING,
}


def witness(ledger: Ledger) -> str:
    """A pipeline whose one task writes ``conf.words`` into the ledger."""
    command = ledger.command("{{ dag_run.conf.get('words', 'nothing') }}").replace('"', '\\"')
    return f"""\
dag_id: witness
schedule: null
start_date: 2026-01-01
tasks:
  - {{id: write, uses: bash, with: {{bash_command: {{$t: "{command}"}}}}}}
"""
