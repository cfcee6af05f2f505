"""Pages about values, ``${{ }}`` and markers: AF030 to AF099."""

from __future__ import annotations

from typing import Final

from airfleet.pipelines.problems.page import Page
from airfleet.problem_codes import Code


def _pipeline(line: str) -> str:
    return f"dag_id: orders\n{line}\ntasks: [{{id: load}}]\n"


def _task(argument: str) -> str:
    return f"dag_id: orders\ntasks:\n  - {{id: load, {argument}}}\n"


def _with(arguments: str) -> str:
    return f'dag_id: orders\ntasks:\n  - {{id: load, uses: "shop.steps:load", with: {arguments}}}\n'


def _shell(command: str, before: str = "") -> str:
    return f"dag_id: orders\n{before}tasks:\n  - id: load\n    uses: bash\n    with:\n      bash_command: {command}\n"


PAGES: Final[dict[Code, Page]] = {
    Code.WRONG_TYPE: Page(
        "A value is of another type than its key takes",
        "The reference page has the type of each key. YAML reads `3` as a number and `'3'` as text; text that looks"
        " like a number, a date or `true` needs quotes where text is meant.",
        _pipeline("catchup: sometimes"),
        _pipeline("catchup: false"),
    ),
    Code.NOT_A_CHOICE: Page(
        "A value is none of those that its key can have",
        "Airflow knows a fixed list of words here.",
        _task("trigger_rule: all_sucess"),
        _task("trigger_rule: all_success"),
    ),
    Code.OUT_OF_RANGE: Page(
        "A number or duration is too small or too large",
        "Airflow would refuse it, or take it for something else: a negative pause is none.",
        _task("retries: -1"),
        _task("retries: 1"),
    ),
    Code.DATE: Page(
        "A value is no date",
        "A date is `2026-01-31`, or `2026-01-31T06:00:00` with an offset or without. It has to be in the calendar.",
        _pipeline("start_date: 31.01.2026"),
        _pipeline("start_date: 2026-01-31"),
    ),
    Code.DURATION: Page(
        "A value is no duration",
        "A duration is `90s`, `5m`, `1h30m`, `1d`, `PT5M`, or a number of seconds.",
        _task("retry_delay: 5 min"),
        _task("retry_delay: 5m"),
    ),
    Code.FUNCTION_NAME: Page(
        "A value does not name a function",
        "A Python function is written `module:function`, with the module as `import` would name it. It is imported when"
        " it is called, not when the file is read.",
        _pipeline("on_failure_callback: shop.alerts.tell"),
        _pipeline("on_failure_callback: shop.alerts:tell"),
        beside={"shop/__init__.py": "", "shop/alerts.py": "def tell(context):\n    print(context)\n"},
    ),
    Code.LINK: Page(
        "A value is no link",
        "Airflow's UI shows the links of owners, and takes addresses of the web and of mail.",
        _pipeline("owner_links: {shop: shop.example}"),
        _pipeline('owner_links: {shop: "https://shop.example"}'),
    ),
    Code.DATABASE_LIMIT: Page(
        "A value is too long or too large for Airflow's database",
        "Airflow takes the value, and its database does not: a component would fail on it again and again.",
        _task("pool_slots: 99999999999"),
        _task("pool_slots: 2"),
    ),
    Code.UNSTORABLE: Page(
        "A value cannot be kept",
        "Airflow keeps Dags, and what it renders, as JSON in its database. That has no NUL characters, no halves of"
        " characters, and no infinite numbers.",
        "dag_id: orders\ntasks:\n  - {id: first, uses: bash, with: {bash_command: date}}\n"
        '  - {id: load, uses: bash, with: {bash_command: {$t: "a\\0{{ ds }}"}}}\n',
        "dag_id: orders\ntasks:\n  - {id: first, uses: bash, with: {bash_command: date}}\n"
        '  - {id: load, uses: bash, with: {bash_command: {$t: "a{{ ds }}"}}}\n',
    ),
    Code.CALENDAR: Page(
        "A date or duration is outside of the calendar",
        "The calendar ends with the year 9999, and Airflow reckons with dates after the next run.",
        _task("retry_delay: 99999999d"),
        _task("retry_delay: 1d"),
    ),
    Code.ID: Page(
        "An id has characters that Airflow does not take",
        "Ids are parts of addresses, paths of logs and keys of the database: letters, digits, `-`, `_` and `.`.",
        "dag_id: my orders\ntasks: [{id: load}]\n",
        "dag_id: my_orders\ntasks: [{id: load}]\n",
    ),
    Code.ACCESS_CONTROL: Page(
        "`access_control` is wrong",
        "It names roles, and for each role a list of permissions.",
        _pipeline("access_control: {Viewer: {Reports: [can_read]}}"),
        _pipeline("access_control: {Viewer: [can_read]}"),
    ),
    Code.RESOURCES: Page(
        "`resources` is wrong",
        "There are cpus, ram, disk and gpus, each with a number.",
        _task("resources: {memory: 512}"),
        _task("resources: {ram: 512}"),
    ),
    Code.EXECUTOR: Page(
        "There is no such executor",
        "A fleet has one executor. Which workers take a task is said by its `queue`.",
        _task("executor: LocalExecutor"),
        _task("queue: reports"),
    ),
    Code.JINJA_OPTION: Page(
        "Jinja has no such option",
        "Each task that renders something would fail.",
        _pipeline("jinja_environment_kwargs: {trim_block: true}"),
        _pipeline("jinja_environment_kwargs: {trim_blocks: true}"),
    ),
    Code.PARAM_SCHEMA: Page(
        "The schema of a param is wrong",
        "The keys of a param are those of JSON Schema; Airflow's form and its check of a run's values use them.",
        _pipeline("params: {count: {type: integer, minimum: low, default: 1}}"),
        _pipeline("params: {count: {type: integer, minimum: 0, default: 1}}"),
    ),
    Code.PARAM_DEFAULT: Page(
        "The default of a param does not fit its schema, or is missing",
        "A scheduled run has nobody to ask: it takes the defaults, and fails on one that its schema does not allow.",
        _pipeline("params: {region: {enum: [eu, us], default: asia}}"),
        _pipeline("params: {region: {enum: [eu, us], default: eu}}"),
    ),
    Code.CONTRADICTION: Page(
        "Two settings contradict each other",
        "Each of the two is right alone; Airflow refuses them together.",
        _pipeline('schedule: "@continuous"'),
        _pipeline('schedule: "@continuous"\nmax_active_runs: 1'),
    ),
    Code.REFUSED_VALUE: Page(
        "A value is refused",
        "Airflow would refuse the value, or nothing would come of it. The sentence says why; there is no narrower code"
        " for it.",
    ),
    Code.EXPRESSION_SYNTAX: Page(
        "`${{ }}` cannot be understood",
        "Between the braces stands the path of a value, or several with `or` between them. There is no other code: no"
        " sums, no calls, no filters.",
        _pipeline("description: ${{ env.SHOP + 'x' }}"),
        _pipeline("description: ${{ env.SHOP or 'x' }}"),
    ),
    Code.EXPRESSION_NAME: Page(
        "`${{ }}` names a value that is not there",
        "The job, the environment or the fleet's `vars` have no such name. `or` gives a value for that case.",
        _pipeline("description: ${{ env.SHOP_OF_THE_MOON }}"),
        _pipeline("description: ${{ env.SHOP_OF_THE_MOON or 'the usual one' }}"),
    ),
    Code.EXPRESSION_PLACE: Page(
        "`${{ }}` cannot stand here",
        "A key is never made of a value. A list or mapping has to be the whole value: it cannot stand inside text."
        " `job` is there where the document has `jobs`.",
        "dag_id: orders_${{ job.name }}\njobs: [{name: eu, shops: [a, b]}]\ndescription: shops ${{ job.shops }}\n"
        "tasks: [{id: load}]\n",
        "dag_id: orders_${{ job.name }}\njobs: [{name: eu, shops: [a, b]}]\ndescription: shops ${{ job.shops[0] }}\n"
        "tasks: [{id: load}]\n",
    ),
    Code.EXPRESSION_VALUE: Page(
        "`${{ }}` does something that its values cannot do",
        "The names are there, and the work with them fails: a list is compared with a number, or a function gets other"
        " arguments than it takes.",
        "dag_id: orders_${{ job.name }}\njobs: [{name: eu, shops: [a, b]}]\n"
        "catchup: ${{ job.shops > 1 }}\ntasks: [{id: load}]\n",
        "dag_id: orders_${{ job.name }}\njobs: [{name: eu, shops: [a, b]}]\n"
        "catchup: ${{ len(job.shops) > 1 }}\ntasks: [{id: load}]\n",
    ),
    Code.UNKNOWN_MARKER: Page(
        "A key that begins with `$` is no marker",
        "Markers say what a value is: a template, an output, a file. A misspelt one would be passed on as a mapping.",
        _shell('{$tt: "echo {{ ds }}"}'),
        _shell('{$t: "echo {{ ds }}"}'),
    ),
    Code.MARKER_SHAPE: Page(
        "A marker has another value than it takes",
        "A marker stands alone in its mapping. `$t` takes text, `$x` a task, or a task and a key, `$f` a path.",
        _shell('{$t: [echo, "{{ ds }}"]}'),
        _shell('{$t: "echo {{ ds }}"}'),
    ),
    Code.MARKER_PLACE: Page(
        "A marker cannot stand here",
        "Markers are for the arguments that an operator renders, and for those of functions. Other values are needed"
        " when the Dag is made, long before a task runs.",
        _task("queue: {$t: '{{ params.queue }}'}"),
        _task("queue: reports"),
    ),
    Code.PYTHON_OBJECT: Page(
        "A mapping stands for a Python object",
        "`__type__` is dag-factory's word for objects. Here nothing would be made of it, and the task would get a"
        " mapping. `$new` makes an object.",
        _with("{wait: {__type__: datetime.timedelta, hours: 1}}"),
        _with("{wait: {$new: datetime.timedelta, with: {hours: 1}}}"),
        beside={"shop/__init__.py": "", "shop/steps.py": "def load(wait):\n    ...\n"},
    ),
    Code.NOT_CARRIED_OVER: Page(
        "A part of another format means nothing here",
        "The file is of dag-factory or of another tool whose files airfleet reads. The part has no meaning for a fleet,"
        " so the Dag would not be what its author wrote.",
    ),
}
