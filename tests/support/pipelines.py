"""Small pipelines for fleets under test."""

from __future__ import annotations

from pathlib import Path

from airfleet.drill.waiting import wait_until
from airfleet.testing.fleet import FleetUnderTest
from faultlab.measuring.ledger import Ledger

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

#: A task that writes into a file that it has begun, ends when there is that file with ``.go``, and writes that, too.
WAITS_FOR_A_FILE = """\
dag_id: waits
start_date: 2026-01-01
tasks:
  - id: waits
    uses: bash
    do_xcom_push: false  # else the task itself waits for the API, to leave its last line there
    with:
      bash_command: echo begun >> {file}; while [ ! -e {file}.go ]; do sleep 0.1; done; echo ended >> {file}
"""

FILES = {
    "pipelines/hello.yaml": HELLO,
    "pipelines/shows_environment.yaml": SHOWS_ENVIRONMENT,
    "pipelines/fails.yaml": FAILS,
    "looking.py": LOOKING,
}


def waiting_task(fleet: FleetUnderTest) -> tuple[str, Path]:
    """Start the fleet and a run of :data:`WAITS_FOR_A_FILE`, until its task has begun; the run, and the file."""
    file = fleet.root / "said"
    fleet.write("pipelines/waits.yaml", WAITS_FOR_A_FILE.format(file=file))
    fleet.start()
    fleet.wait_for_dag("waits")
    run = fleet.trigger("waits")
    wait_until(file.exists, 60, "the task has begun")
    return run, file


def witness(ledger: Ledger) -> str:
    """Make a pipeline whose one task writes ``conf.words`` into the ledger."""
    command = ledger.command("{{ dag_run.conf.get('words', 'nothing') }}").replace('"', '\\"')
    return f"""\
dag_id: witness
schedule: null
start_date: 2026-01-01
tasks:
  - {{id: write, uses: bash, with: {{bash_command: {{$t: "{command}"}}}}}}
"""
