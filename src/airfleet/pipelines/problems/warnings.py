"""Pages about what is allowed, but hardly meant: AF200 to AF299."""

from __future__ import annotations

from typing import Final

from airfleet.pipelines.problems.page import Page
from airfleet.problem_codes import Code


def _pipeline(lines: str) -> str:
    return f"dag_id: orders\n{lines}\ntasks: [{{id: load}}]\n"


def _task(rest: str) -> str:
    return f"dag_id: orders\ntasks:\n  - {{id: load, {rest}}}\n"


_STEPS: Final = {
    "shop/__init__.py": "",
    "shop/steps.py": "def load():\n    ...\n\n\ndef fetch(password):\n    ...\n\n\ndef store(conn_id):\n    ...\n",
}
_HOSTS: Final = """\
database: postgresql://airflow@db.internal/airflow
broker: redis://mq.internal
policies: {on_partition: keep}
hosts:
  - {name: a, address: 10.0.0.1, scheduler: true, api_server: true, dag_processor: true, triggerer: true}
  - {name: b, address: 10.0.0.2, workers: [{name: light}]}
"""

PAGES: Final[dict[Code, Page]] = {
    Code.NOT_RENDERED: Page(
        "A template stands outside of `$t`",
        "Text is taken as it stands, so `{{ ds }}` would reach the task unrendered. In Dags in Python the same"
        " text is rendered.",
        _task('uses: bash, with: {bash_command: "echo {{ ds }}"}'),
        _task('uses: bash, with: {bash_command: {$t: "echo {{ ds }}"}}'),
    ),
    Code.CRON_DOUBT: Page(
        "A cron expression means something else than it seems to",
        "Steps begin anew with every hour or day: behind `*/45`, the last step of an hour has 15 minutes.",
        _pipeline('schedule: "*/45 * * * *"'),
        _pipeline('schedule: "0 */2 * * *"'),
    ),
    Code.FIXED_OFFSET: Page(
        "A schedule keeps an offset also in summer time",
        "An offset such as `+01:00` names no place: in summer the runs come an hour late there.",
        _pipeline('schedule: "0 6 * * *"\nstart_date: 2026-01-01T00:00:00+01:00'),
        _pipeline(
            "schedule: {uses: airflow.timetables.trigger.CronTriggerTimetable,"
            " with: {cron: 0 6 * * *, timezone: Europe/Berlin}}\nstart_date: 2026-01-01"
        ),
    ),
    Code.NO_TIME: Page(
        "A limit of no length lets nothing come to its end",
        "A timeout of zero is reached at once. Without the key there is no limit.",
        _task("execution_timeout: 0s"),
        _task("execution_timeout: 1h"),
    ),
    Code.PARAM_DOUBT: Page(
        "A param looks like a schema, and is taken as a mapping",
        "One of its keys is not of JSON Schema, so the whole mapping is the value of the param.",
        _pipeline("params: {region: {type: string, enum: [eu, us], defualt: eu}}"),
        _pipeline("params: {region: {type: string, enum: [eu, us], default: eu}}"),
    ),
    Code.SECRET: Page(
        "A secret stands in the file in plain text",
        "Everybody who reads the repository or the UI can read it: Airflow shows the arguments of tasks. Keep it in a"
        " connection or a variable, which the task reads when it runs, or in `${{ env.NAME }}`, which the UI shows as"
        " well.",
        'dag_id: orders\ntasks:\n  - {id: load, uses: "shop.steps:fetch", with: {password: swordfish-7}}\n',
        "dag_id: orders\ntasks:\n  - id: load\n    uses: shop.steps:fetch\n"
        '    with: {password: {$t: "{{ var.value.shop_password }}"}}\n',
        beside=_STEPS,
    ),
    Code.FAR_START: Page(
        "The first run is years away",
        "No run comes before the `start_date`: the year is likely a slip.",
        _pipeline('schedule: "@daily"\nstart_date: 2206-01-01'),
        _pipeline('schedule: "@daily"\nstart_date: 2026-01-01'),
    ),
    Code.TRIGGER_RULE: Page(
        "A trigger rule can never hold, or has nothing to look at",
        "A rule such as `one_failed` waits for states of the tasks before. A task without any starts at once, whatever"
        " its rule. A task without work never fails, so a task that waits for its failure never starts.",
        "dag_id: orders\ntasks:\n  - {id: begin}\n  - {id: clean, needs: [begin], trigger_rule: one_failed}\n",
        'dag_id: orders\ntasks:\n  - {id: load, uses: "shop.steps:load"}\n'
        "  - {id: clean, needs: [load], trigger_rule: one_failed}\n",
        beside=_STEPS,
    ),
    Code.UNDECLARED_POOL: Page(
        "A pool is not declared",
        "Tasks of a pool that is not there wait for ever. The `pools` of `fleet.yaml` are made when the fleet starts."
        " One that is made in the UI is not known to check: silence it on its line.",
        "dag_id: orders\ntasks:\n  - {id: load, pool: shopp}\n",
        "dag_id: orders\ntasks:\n  - {id: load, pool: shop}\n",
        beside={"fleet.yaml": "pools: {shop: 4}\n"},
    ),
    Code.UNDECLARED_CONNECTION: Page(
        "A connection is not declared",
        "The task fails when it asks for it. Connections stand under `connections` of `fleet.yaml`, or in the"
        " environment as `AIRFLOW_CONN_NAME`. One that is made in the UI is not known to check: a comment at its first"
        " use silences it for the project.",
        'dag_id: orders\ntasks:\n  - {id: load, uses: "shop.steps:store", with: {conn_id: shopp}}\n',
        'dag_id: orders\ntasks:\n  - {id: load, uses: "shop.steps:store", with: {conn_id: shop}}\n',
        beside={**_STEPS, "fleet.yaml": 'connections: {shop: "http://shop.example"}\n'},
    ),
    Code.CODE_NOT_CARRIED: Page(
        "Several hosts, and nothing brings pipelines to them",
        "Each host reads its own folder, unless [releases](../how-to/ship-code.md) carry the pipelines. Hosts with"
        " different folders run different code for one Dag. `releases: {}` says that `airfleet push` brings it. A"
        " comment on the line of `hosts` says that they share a folder, or that something else copies it.",
        _HOSTS,
        f"releases: {{}}\n{_HOSTS}",
        "fleet.yaml",
    ),
    Code.FOREIGN_FILE: Page(
        "A YAML file among the pipelines is none",
        "It has none of the keys by which pipelines are known, so no Dag is made of it. A name that begins with `_`, or"
        " a line in `.airflowignore`, says that this is meant.",
        "version: 2\nmodels: []\n",
        "dag_id: orders\ntasks: [{id: load}]\n",
    ),
    Code.FILE_NOT_READ: Page(
        "A file is not read although somebody may count on it",
        "Its name or its text says to Airflow that there is no Dag in it.",
    ),
    Code.SAME_FILE: Page(
        "A link leads to a file or folder that counts already",
        "Each file counts once, so that no Dag has two files.",
    ),
    Code.ARGUMENT_DOUBT: Page(
        "An argument does not fit the annotation of a function",
        "Python does not check annotations, so the task may work. The author of the function meant something else.",
        'dag_id: orders\ntasks:\n  - {id: load, uses: "shop.counting:count", with: {name: 3}}\n',
        'dag_id: orders\ntasks:\n  - {id: load, uses: "shop.counting:count", with: {name: "3"}}\n',
        beside={"shop/__init__.py": "", "shop/counting.py": "def count(name: str) -> int:\n    return len(name)\n"},
    ),
    Code.UNKNOWN_DAG: Page(
        "A task starts or waits for a Dag or task that no file has",
        "`trigger_dagrun` fails then, and `external_task_sensor` waits until its timeout. It is right if the Dag comes"
        " from another project. `airfleet check` of a whole project or folder says so; of a file alone it cannot.",
        "dag_id: orders\ntasks: [{id: bill, uses: trigger_dagrun, with: {trigger_dag_id: bils}}]\n",
        "dag_id: orders\ntasks: [{id: bill, uses: trigger_dagrun, with: {trigger_dag_id: bills}}]\n",
        beside={"pipelines/bills.yaml": "dag_id: bills\ntasks: [{id: write}]\n"},
    ),
    Code.EMPTY_LOOP: Page(
        "The list of a `for` is empty",
        "The entry is repeated for no item, so it makes no task. That is meant where the list comes from a job, and"
        " hardly where it is written beside.",
        "dag_id: orders\ntasks:\n  - {id: begin}\n  - {for: {each: []}, id: 'load_${{ each }}'}\n",
        "dag_id: orders\ntasks:\n  - {id: begin}\n  - {for: {each: [eu]}, id: 'load_${{ each }}'}\n",
    ),
    Code.WITHOUT_EFFECT: Page(
        "A part of another format has no effect here",
        "The file is of dag-factory or of another tool whose files airfleet reads. The part changes nothing, here or"
        " there.",
    ),
    Code.MOVING_DATE: Page(
        "A date moves from day to day",
        "A file of dag-factory may count days back from today. Every day the Dag is another one then, with a version of"
        " its own, and its first run moves.",
        "orders:\n  default_args: {owner: shop, start_date: 2 days}\n  schedule: '@daily'\n  tasks:\n"
        "    load: {operator: airflow.providers.standard.operators.bash.BashOperator, bash_command: ls}\n",
        "orders:\n  default_args: {owner: shop, start_date: 2026-01-01}\n  schedule: '@daily'\n  tasks:\n"
        "    load: {operator: airflow.providers.standard.operators.bash.BashOperator, bash_command: ls}\n",
    ),
    Code.LANGUAGE_TASK: Page(
        "A task waits for a worker of another language",
        "`run` is for tasks in other languages. Airflow makes the Dag, and no worker of a fleet takes the task.",
        "$schema: https://airflow.apache.org/schemas/dag/2026-10-30.json\ndag_id: orders\ntasks:\n"
        "  - {id: load, run: {day: monday}}\n",
        'dag_id: orders\ntasks:\n  - {id: load, uses: "shop.steps:load"}\n',
        beside=_STEPS,
    ),
    Code.USELESS_IGNORE: Page(
        "A comment silences nothing",
        "The line has no such warning any more. A comment that stays would hide the next one.",
        "dag_id: orders\ndescription: all of them  # airfleet: ignore AF200\ntasks: [{id: load}]\n",
        "dag_id: orders\ndescription: all of them\ntasks: [{id: load}]\n",
    ),
    Code.WRONG_IGNORE: Page(
        "A comment names no code that can be silenced",
        "`# airfleet: ignore AF200` hides one warning of its line, and several codes have commas between them. Errors"
        " cannot be hidden: their Dag would not be made.",
        "dag_id: orders\ndescription: all of them  # airfleet: ignore AF012\ntasks: [{id: load}]\n",
        "dag_id: orders\ndescription: all of them\ntasks: [{id: load}]\n",
    ),
    Code.DATE_ORDER: Page(
        "The end is before the start",
        "Airflow takes the Dag, and no run of it, or of the task, is ever due.",
        _pipeline("start_date: 2026-03-01\nend_date: 2026-01-01"),
        _pipeline("start_date: 2026-01-01\nend_date: 2026-03-01"),
    ),
}
