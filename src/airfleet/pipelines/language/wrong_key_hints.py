"""Keys that people bring from Airflow in Python and from other YAML, and what to write instead."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from airfleet.pipelines.language.cron import IN_A_ZONE, INTERVAL


@dataclass(frozen=True)
class Instead:
    """The sentence about a key that this format does not have, and its probable meaning."""

    sentence: str
    hint: str
    #: key of the format that the wrong one stands for; it is not missing then
    meant: str | None = None
    #: whether people write the arguments of an operator or a function below the key
    holds_arguments: bool = False


_GROUPS: Final = Instead(
    "a group stands in the list 'tasks'", "write an entry '- group: name' with a list 'tasks' of its own"
)
_IN_A_GROUP: Final = Instead("a task stands in the list 'tasks' of its group", _GROUPS.hint)
_MAPPING: Final = Instead(
    "is written 'expand'", "write expand: {argument: [items] or {$x: task}}", meant="expand", holds_arguments=True
)
_PARTIAL: Final = Instead(
    "is written 'with'", "write the arguments that all have under 'with'", meant="with", holds_arguments=True
)
_LOOP: Final = Instead(
    "is written 'for'", "write for: {each: [items]}, and ${{ each }} in the id; 'expand' repeats a task when it runs"
)
_NEEDS: Final = Instead("is written 'needs'", "write needs: [the ids of the tasks that come before]")
_USES: Final = Instead("is written 'uses'", "write uses: bash, an import path, or module:function", meant="uses")
_FUNCTION: Final = Instead(
    "a function is named by 'uses'", "write uses: module:function, and its arguments under 'with'", meant="uses"
)
_WITH: Final = Instead("is written 'with'", "write the arguments under 'with', by name", holds_arguments=True)
_CONDITION: Final = Instead(
    "a task has no condition of its own",
    "put a task before it that uses short_circuit or branch_python",
)
_ONE_DOCUMENT: Final = Instead("each Dag is a document of its own", "begin the next with a line '---', or write 'jobs'")
_IN_THE_FLEET: Final = "is said in fleet.yaml, for all pipelines"

_ASSETS: Final = Instead(
    "a task has 'inlets' and 'outlets'", "write outlets: [s3://lake/orders] for assets that the task changes"
)
_SETUP: Final = Instead(
    "is said of a task", "write 'setup: true' or 'teardown: true' at the task, or 'teardown: {setups: [ids]}'"
)
_INCLUDE_OF_A_TASK: Final = Instead(
    "is said at the top of the pipeline",
    "write include: [_shared.yaml] there, and here 'extends' with one of its templates",
)
_INCLUDE: Final = Instead("is written 'include'", "write include: [_shared.yaml]")
_TIMEZONE: Final = Instead("is written 'timezone'", f"write {IN_A_ZONE.format('Europe/Berlin')}")
_GONE: Final = Instead("has no effect in Airflow 3", "leave it out")
_SECONDS: Final = "a duration has its unit"


def _callback(what: str) -> Instead:
    """Say how a callback is written; ``what`` has happened."""
    return Instead(f"is written 'on_{what}_callback'", f"write on_{what}_callback: module:function")


_CALLBACKS: Final = {
    **dict.fromkeys(("on_failure", "on_error", "notify", "notifications", "alert", "alerts"), _callback("failure")),
    "on_success": _callback("success"),
}

_DEADLINE: Final = "write deadline: {reference: queued_at, interval: 1h, callback: module:function} at the top level"

#: What a pipeline or a task cannot give to Airflow, and the way out.
BY_PYTHON: Final[dict[str, str]] = {"sla": _DEADLINE, "sla_miss_callback": _DEADLINE}

#: At the top level of a document.
OF_A_PIPELINE: Final[dict[str, Instead]] = {
    **dict.fromkeys(
        ("id", "name"), Instead("the id of a Dag is written 'dag_id'", "write dag_id: my_pipeline", meant="dag_id")
    ),
    **dict.fromkeys(
        ("schedule_interval", "cron"),
        Instead("is written 'schedule'", "write schedule: '@daily', for example"),
    ),
    "timetable": Instead("is written 'schedule'", "write schedule: {uses: import path of the class, with: {…}}"),
    **dict.fromkeys(
        ("concurrency", "dag_concurrency"), Instead("is written 'max_active_tasks'", "write max_active_tasks: 4")
    ),
    **dict.fromkeys(
        ("default_task_args", "task_defaults"), Instead("is written 'defaults'", "write defaults: {retries: 1}")
    ),
    **dict.fromkeys(("task_groups", "group"), _GROUPS),
    **dict.fromkeys(
        ("dependencies", "edges"), Instead("each task says what it waits for", "write 'needs' at the task")
    ),
    **dict.fromkeys(("dag", "dags", "pipelines"), _ONE_DOCUMENT),
    "steps": Instead("is written 'tasks'", "write tasks: and begin each task with '- id: '", meant="tasks"),
    **dict.fromkeys(("time_zone", "tz", "timeZone", "time-zone"), _TIMEZONE),
    **dict.fromkeys(("includes", "import", "imports", "extends"), _INCLUDE),
    **dict.fromkeys(("orientation", "default_view", "full_filepath"), _GONE),
    **dict.fromkeys(("setup", "teardown"), _SETUP),
    "dagrun_timeout_sec": Instead(_SECONDS, "write dagrun_timeout: 3600s"),
    "retry_delay_sec": Instead(_SECONDS, "write defaults: {retry_delay: 300s}"),
    "interval": Instead("is written 'schedule'", f"write {INTERVAL.format('90m')}"),
    **dict.fromkeys(
        ("assets", "datasets", "triggers"),
        Instead(
            "is written 'schedule'",
            "write schedule: {assets: [s3://lake/orders]}",
        ),
    ),
    **_CALLBACKS,
    "macros": Instead("is written 'user_defined_macros'", "write user_defined_macros: {name: module:function}"),
    "filters": Instead("is written 'user_defined_filters'", "write user_defined_filters: {name: module:function}"),
    **dict.fromkeys(("docs", "documentation"), Instead("is written 'doc_md'", "write doc_md: {$f: its/path.md}")),
    "doc_md_file_path": Instead("is written 'doc_md'", "write doc_md: {$f: its/path.md}"),
    "matrix": Instead("is written 'jobs'", "write jobs: {matrix: {region: [eu, us]}}"),
    "vars": Instead(_IN_THE_FLEET, "write ${{ vars.name }} where a variable is used"),
    "env": Instead(_IN_THE_FLEET, "write ${{ env.NAME }} where a value of the environment is used"),
}

#: Beside ``id``, ``uses`` and ``with`` of a task.
OF_A_TASK: Final[dict[str, Instead]] = {
    "name": Instead("the id of a task is written 'id'", "the name to show is 'task_display_name'", meant="id"),
    **dict.fromkeys(("operator", "operator_class", "class", "type", "task"), _USES),
    **dict.fromkeys(
        ("python_callable", "python_callable_name", "python_callable_file", "callable", "function"), _FUNCTION
    ),
    **dict.fromkeys(("op_kwargs", "op_args", "args", "kwargs", "arguments", "parameters", "inputs"), _WITH),
    **dict.fromkeys(("dependencies", "depends_on", "depends", "upstream", "upstream_tasks", "after"), _NEEDS),
    **dict.fromkeys(
        ("downstream", "downstream_tasks", "before"),
        Instead("is said by the tasks after this one", "write 'needs' there"),
    ),
    **dict.fromkeys(("map", "foreach", "for_each"), _MAPPING),
    **dict.fromkeys(("loop", "matrix", "with_items", "each", "repeat"), _LOOP),
    "for": Instead("repeats an entry of 'tasks', and no template", "write 'for' at the task that extends this"),
    "partial": _PARTIAL,
    "group": Instead("stands beside 'id'; an entry is a task or a group", _GROUPS.hint),
    **dict.fromkeys(("task_groups", "groups", "task_group_name", "group_id"), _IN_A_GROUP),
    **dict.fromkeys(("when", "if", "condition"), _CONDITION),
    **dict.fromkeys(
        ("timeout", "task_timeout"), Instead("is written 'execution_timeout'", "write execution_timeout: 30m")
    ),
    **dict.fromkeys(("is_setup", "is_teardown", "as_setup", "as_teardown", "setups", "teardowns"), _SETUP),
    **dict.fromkeys(("include", "import"), _INCLUDE_OF_A_TASK),
    "provide_context": Instead(
        "has no effect in Airflow 3",
        "parameters of the function that are named as context values get them",
    ),
    **dict.fromkeys(("assets", "datasets"), _ASSETS),
    "retry_delay_sec": Instead(_SECONDS, "write retry_delay: 300s"),
    "execution_timeout_secs": Instead(_SECONDS, "write execution_timeout: 3600s"),
    "sla_secs": Instead(_GONE.sentence, _DEADLINE),
    **_CALLBACKS,
    "on_retry": _callback("retry"),
    "on_execute": _callback("execute"),
    "on_skipped": _callback("skipped"),
    "retry": Instead("is written 'retries'", "write retries: 3"),
    "schedule": Instead("is said of the pipeline, not of a task", "write it at the top level"),
}

#: Beside ``group`` and ``tasks`` of a group.
OF_A_GROUP: Final[dict[str, Instead]] = {
    **dict.fromkeys(("name", "group_id", "task_group_name"), Instead("is written 'group'", "write group: load")),
    "prefix_group_id": Instead("is written 'prefix'", "write prefix: false"),
    "group_display_name": Instead("is written 'display_name'", "write display_name: Load"),
    "default_args": Instead("is written 'defaults'", "write defaults: {retries: 1}"),
    "parent_group_name": _IN_A_GROUP,
    **dict.fromkeys(("dependencies", "depends_on", "upstream", "after"), _NEEDS),
}

#: Wrong keys of a task -> the key that each stands for.
MEANT_OF_A_TASK: Final = {
    "task_id": "id",
    **{key: instead.meant for key, instead in OF_A_TASK.items() if instead.meant is not None},
}

#: Wrong keys of a task below which people write the arguments of an operator or a function.
HOLDING_ARGUMENTS: Final = frozenset(key for key, instead in OF_A_TASK.items() if instead.holds_arguments)

#: Airflow's providers, as they are written before the name of an operator.
_PROVIDERS: Final = """
    airbyte alibaba amazon apache.beam apache.cassandra apache.drill apache.druid apache.flink apache.hdfs apache.hive
    apache.iceberg apache.impala apache.kafka apache.kylin apache.livy apache.pig apache.pinot apache.spark
    apache.tinkerpop apprise arangodb asana atlassian.jira cncf.kubernetes cohere common.ai common.io common.sql
    databricks datadog dbt.cloud dingding discord docker elasticsearch exasol facebook ftp git github google grpc
    hashicorp http imap influxdb jdbc jenkins microsoft.azure microsoft.mssql microsoft.psrp microsoft.winrm mongo
    mysql neo4j odbc openai openfaas opensearch opsgenie oracle pagerduty papermill pgvector pinecone postgres presto
    qdrant redis salesforce samba segment sendgrid sftp singularity slack smtp snowflake sqlite ssh standard tableau
    telegram teradata trino vertica weaviate yandex ydb zendesk
"""
PROVIDERS: Final = frozenset(_PROVIDERS.split())


def glued(name: str, known: Collection[str]) -> Instead | None:
    """Make a hint for ``{id:a}``, which is a key without a value to YAML."""
    key, _, rest = name.partition(":")
    if not rest or key not in known:
        return None
    return Instead("a space is missing after ':'", f"write {key}: {rest}", meant=key)
