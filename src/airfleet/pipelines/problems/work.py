"""Pages about tasks, their order, schedules, and what the fleet has for them: AF100 to AF199."""

from __future__ import annotations

from typing import Final

from airfleet.pipelines.problems.page import Page
from airfleet.problem_codes import Code

_STEPS: Final = {"shop/__init__.py": "", "shop/steps.py": "class Load:\n    ...\n\n\ndef load(day):\n    return day\n"}


def _task(rest: str) -> str:
    return f"dag_id: orders\ntasks:\n  - {{id: load, {rest}}}\n"


def _schedule(written: str) -> str:
    return f"dag_id: orders\nschedule: {written}\ntasks: [{{id: load}}]\n"


def _cron(arguments: str) -> str:
    return _schedule(f"{{uses: airflow.timetables.trigger.CronTriggerTimetable, with: {{{arguments}}}}}")


_BRANCH: Final = (
    'dag_id: orders\ntasks:\n  - {{id: choose, uses: "shop.ways:choose", branch: true}}\n'
    "  - {{id: {}, needs: choose}}\n"
)

PAGES: Final[dict[Code, Page]] = {
    Code.UNKNOWN_OPERATOR: Page(
        "There is no such operator",
        "`uses` takes a short name, the import path of a class, or a function as `module:function`. Operators of a"
        " provider are there when its package is installed.",
        _task("uses: bsh, with: {bash_command: ls}"),
        _task("uses: bash, with: {bash_command: ls}"),
    ),
    Code.NOT_AN_OPERATOR: Page(
        "The class that `uses` names is no operator",
        "The class is there, and Airflow cannot run it as a task. A Python function is written with a colon.",
        _task("uses: shop.steps.Load"),
        _task('uses: "shop.steps:load", with: {day: "2026-01-31"}'),
        beside=_STEPS,
    ),
    Code.OPERATOR_GONE: Page(
        "An operator or timetable has moved, or is gone",
        "The import path was that of an older Airflow. The hint has the new one.",
        _task("uses: airflow.operators.bash_operator.BashOperator, with: {bash_command: ls}"),
        _task("uses: bash, with: {bash_command: ls}"),
    ),
    Code.NAME_NOT_FOUND: Page(
        "A module, or a name in it, is not there",
        "The task would fail when it is imported. Modules are looked for beside `fleet.yaml`, beside the folder"
        " `pipelines`, and among the installed packages.",
        _task('uses: "shop.steps:laod"'),
        _task('uses: "shop.steps:load", with: {day: "2026-01-31"}'),
        beside=_STEPS,
    ),
    Code.CALLBACK: Page(
        "A callback cannot be called with the context",
        "A callback is a function that takes the context, or the class of a notifier that needs no arguments.",
        "dag_id: orders\non_failure_callback: shop.alerts:tell\ntasks: [{id: load}]\n",
        "dag_id: orders\non_failure_callback: shop.alerts:told\ntasks: [{id: load}]\n",
        beside={
            "shop/__init__.py": "",
            "shop/alerts.py": "def tell(context, channel):\n    ...\n\n\ndef told(context):\n    ...\n",
        },
    ),
    Code.ARGUMENT_NOT_TAKEN: Page(
        "An argument is not taken",
        "The operator, function or timetable has no such argument, and Python would refuse the call.",
        _task("uses: bash, with: {bash_comand: ls, bash_command: ls}"),
        _task("uses: bash, with: {bash_command: ls}"),
    ),
    Code.ARGUMENT_MISSING: Page(
        "A required argument is missing",
        "Python would refuse the call.",
        _task("uses: bash"),
        _task("uses: bash, with: {bash_command: ls}"),
    ),
    Code.ARGUMENT_TYPE: Page(
        "An argument is of another type than its annotation says",
        "The annotations of the operator's own code say what it takes.",
        _task("uses: bash, with: {bash_command: ls, append_env: maybe}"),
        _task("uses: bash, with: {bash_command: ls, append_env: true}"),
    ),
    Code.ARGUMENT_WITHOUT_USES: Page(
        "A task without `uses` has arguments",
        "Such a task does no work: it joins others. `uses` is likely forgotten.",
        _task("with: {bash_command: ls}"),
        _task("uses: bash, with: {bash_command: ls}"),
    ),
    Code.TASK_FILE: Page(
        "A file that `$f` names cannot be read",
        "The text of the file becomes part of the Dag when it is made, so the file has to be there then.",
        _task("uses: bash, with: {bash_command: {$f: laod.sh}}"),
        _task("uses: bash, with: {bash_command: {$f: load.sh}}"),
        beside={"pipelines/load.sh": "ls\n"},
    ),
    Code.TEMPLATE_SYNTAX: Page(
        "A template is not Jinja",
        "The task would fail when it renders its arguments.",
        _task('uses: bash, with: {bash_command: {$t: "echo {{ ds"}}'),
        _task('uses: bash, with: {bash_command: {$t: "echo {{ ds }}"}}'),
    ),
    Code.TEMPLATE_NAME: Page(
        "A template uses a name that nobody gives",
        "Jinja renders an unknown name as nothing, and fails on an unknown filter. Names of Airflow 2's context that"
        " Airflow 3 no longer has are among them.",
        _task('uses: bash, with: {bash_command: {$t: "echo {{ execution_date }}"}}'),
        _task('uses: bash, with: {bash_command: {$t: "echo {{ logical_date }}"}}'),
    ),
    Code.ENVIRONMENT_VARIABLE: Page(
        "A variable of the environment is no text",
        "The environment of a process holds texts. A list or mapping is written as JSON.",
        _task("uses: bash, with: {bash_command: env, env: {SHOPS: [a, b]}}"),
        _task('uses: bash, with: {bash_command: env, env: {SHOPS: \'["a", "b"]\'}}'),
    ),
    Code.BRANCH_ANSWER: Page(
        "A branch goes on with a task that is not there",
        "The run fails when a function answers so, or a person. The ids are those that stand in the source of the"
        " function, and the options of the question.",
        _BRANCH.format("laod"),
        _BRANCH.format("load"),
        beside={"shop/__init__.py": "", "shop/ways.py": "def choose():\n    return 'load'\n"},
    ),
    Code.UNKNOWN_TASK: Page(
        "`needs` or `$x` names a task that is not there",
        "The order of the tasks would not be what the file says.",
        "dag_id: orders\ntasks:\n  - {id: load}\n  - {id: report, needs: [laod]}\n",
        "dag_id: orders\ntasks:\n  - {id: load}\n  - {id: report, needs: [load]}\n",
    ),
    Code.CIRCLE: Page(
        "Tasks wait for each other in a circle",
        "None of them could ever start.",
        "dag_id: orders\ntasks:\n  - {id: load, needs: [report]}\n  - {id: report, needs: [load]}\n",
        "dag_id: orders\ntasks:\n  - {id: load}\n  - {id: report, needs: [load]}\n",
    ),
    Code.EXPANSION: Page(
        "A task or group cannot be repeated like this",
        "`expand` repeats a task or a group for each item of a list. Airflow repeats no group inside of a repeated one,"
        " and only arguments of the operator or function.",
        _task('uses: "shop.steps:load", with: {day: {$item: day}}'),
        _task('uses: "shop.steps:load", expand: {day: [monday, friday]}'),
        beside=_STEPS,
    ),
    Code.CRON: Page(
        "A schedule is neither a cron expression nor a preset",
        "A cron expression has five fields: minute, hour, day, month and day of the week. Presets begin with `@`. A"
        " moment that never comes, as the 31st of February, is refused as well.",
        _schedule('"0 25 * * *"'),
        _schedule('"0 5 * * *"'),
    ),
    Code.SCHEDULE: Page(
        "`schedule` has no form that is known",
        "A schedule is a text, or a mapping that says which kind it is.",
        _schedule("{cron_expression: '0 5 * * *'}"),
        _schedule("'0 5 * * *'"),
    ),
    Code.TIMETABLE: Page(
        "The class that a schedule uses is no timetable",
        "`uses` of a schedule is the import path of a class.",
        _schedule('{uses: "CronTriggerTimetable", with: {cron: 0 5 * * *, timezone: UTC}}'),
        _cron("cron: 0 5 * * *, timezone: UTC"),
    ),
    Code.TIME_ZONE: Page(
        "There is no such time zone",
        "Zones have the names of the IANA database, such as Europe/Berlin: they know summer time.",
        _cron("cron: 0 5 * * *, timezone: Europe/Berln"),
        _cron("cron: 0 5 * * *, timezone: Europe/Berlin"),
    ),
    Code.ASSET: Page(
        "An asset is wrong",
        "Names and addresses of assets are keys of the database.",
        _schedule('{uses: airflow.sdk.Asset, with: {name: orders, uri: "airflow://orders"}}'),
        _schedule('{uses: airflow.sdk.Asset, with: {name: orders, uri: "s3://lake/orders"}}'),
    ),
    Code.QUEUE_WITHOUT_WORKER: Page(
        "No worker takes tasks from the queue",
        "The tasks would wait for ever: no worker of `fleet.yaml` has the queue. Where workers of another project take"
        " it, `# airfleet: ignore AF140` on the line says so; the Dag is made all the same.",
        _task("uses: bash, with: {bash_command: ls}, queue: reprots"),
        _task("uses: bash, with: {bash_command: ls}, queue: reports"),
        beside={"fleet.yaml": "workers: [{queues: [default, reports]}]\n"},
    ),
}
