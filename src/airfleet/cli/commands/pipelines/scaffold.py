"""The files of a new project, as text: what ``airfleet init`` writes."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from string import Template

FLEET = """\
# What runs where. Everything but `name` has a default; take the # away to change one.
name: $name

# pipelines: pipelines        # the folder of pipelines
# user: admin                 # who may log in; the password is generated (airfleet up says where it is)

# database: embedded          # or postgresql://user@host/name
# broker: embedded            # or redis://host:6379/0

# api_server:                 # the UI and the REST API
#   address: 127.0.0.1
#   port: 8080                # left out: 8080, or the next free one

# workers:                    # what runs the tasks
#   - name: worker
#     queues: [default]
#     slots: 4                # tasks at the same time; left out: 16, fewer with little memory

# triggerer: true             # false saves memory when no task is deferrable
# flower: true                # the page about workers and queues; left out: it does not run
# log_retention: 30d          # left out: logs are kept for ever

# connections:                # of Airflow; secrets come from files in secrets/ or from the environment
#   warehouse: {type: postgres, host: db, login: me}
# variables:
#   region: eu-1
# pools:                      # how many of a pool's tasks run at once
#   warehouse: 4

# vars:                       # $${{ vars.name }} in pipelines, when they are read
#   bucket: s3://orders

# env:                        # environment of every component and task
#   TZ: UTC

# airflow:                    # any other setting of Airflow, by section
#   core:
#     parallelism: "64"
"""

HELLO = """\
# A first pipeline. `airfleet check` says what is wrong in it, `airfleet show pipelines/hello.yaml`
# draws it, `airfleet run pipelines/hello.yaml` runs it here and now, without a fleet.
dag_id: hello
description: Looks at the clock, makes a greeting in Python, and says it.
is_paused_upon_creation: false
schedule: null                # only when triggered; "@daily" or "0 6 * * 1-5" run it by the clock
start_date: 2026-01-01
tags: [example]

defaults: {retries: 1, retry_delay: 10s}

tasks:
  # An operator by its short name. The last line that a command prints is its output (XCom).
  - id: look
    uses: bash
    with: {bash_command: "date -u +%H:%M"}

  # A Python function, module:function. $$x is the output of another task, and makes it wait for it.
  - id: greet
    uses: "$module.steps:greet"
    with: {name: world, time: {$$x: look}}

  # $$t is rendered by Airflow when the task runs.
  - id: say
    uses: bash
    with:
      bash_command: {$$t: "echo \\"$$GREETING\\" for {{ ds }}"}
      env: {GREETING: {$$x: greet}}
      append_env: true
"""

STEPS = '''\
"""What the pipelines of this project do in Python: plain functions, without Airflow."""


def greet(name: str, time: str) -> str:
    """A greeting that fits the time (HH:MM, UTC). What it returns is the task's output."""
    part = "morning" if int(time[:2]) < 12 else "day"
    greeting = f"Good {part}, {name}!"
    print(greeting)
    return greeting
'''

README = """\
# $name

Pipelines for [Apache Airflow](https://airflow.apache.org) in YAML, run by airfleet.

    airfleet check                          # all problems of all files, at once
    airfleet run pipelines/hello.yaml       # one pipeline here and now, without a fleet
    airfleet up                             # the whole fleet: scheduler, UI, workers, database, broker
    airfleet trigger hello --wait           # (in another terminal) run it on the fleet
    airfleet why hello                      # what failed or waits, and why
    airfleet down

| | |
|---|---|
| `fleet.yaml` | what runs where |
| `pipelines/` | one YAML file for each pipeline |
| `$module/` | the Python functions that pipelines call |
| `.airfleet/` | data, logs and secrets of the fleet on this machine; never commit it |
"""

GITIGNORE = """\
.airfleet/
secrets/
__pycache__/
"""


def files(name: str) -> Mapping[str, str]:
    """Path -> text of every file of a new project called ``name``."""
    module = module_name(name)
    texts = {
        "fleet.yaml": FLEET,
        "pipelines/hello.yaml": HELLO,
        f"{module}/__init__.py": "",
        f"{module}/steps.py": STEPS,
        "README.md": README,
        ".gitignore": GITIGNORE,
    }
    return {path: Template(text).substitute(name=name, module=module) for path, text in texts.items()}


def fleet_name(folder_name: str) -> str:
    """Make a name for the fleet in a folder: lower case, digits and dashes.

    >>> fleet_name("My Shop (2)")
    'my-shop-2'
    """
    return re.sub(r"[^a-z0-9]+", "-", folder_name.lower()).strip("-") or "fleet"


def module_name(name: str) -> str:
    """Name the Python package for a project: never one that Python or airfleet already has.

    >>> [module_name("my-shop"), module_name("json"), module_name("2nd")]
    ['my_shop', 'json_project', 'project_2nd']
    """
    module = re.sub(r"\W+", "_", name.lower()).strip("_") or "project"
    if module[0].isdigit():
        module = f"project_{module}"
    taken = module in sys.stdlib_module_names or module in {"airflow", "airfleet", "pipelines", "tests", "yaml"}
    return f"{module}_project" if taken else module
