"""Keys that people bring from Airflow in Python and from other YAML, and what to write instead."""

from __future__ import annotations

from typing import Final, TypeAlias

#: Sentence and hint.
Instead: TypeAlias = tuple[str, str]

_NO_GROUPS: Final = ("tasks are not grouped", "write all tasks in the list 'tasks'; 'needs' says what comes first")
_NO_MAPPING: Final = (
    "a task is not repeated for each item of a list",
    "write 'jobs' for one Dag per item, or let one function go through the list",
)
_NEEDS: Final = ("is written 'needs'", "write needs: [the ids of the tasks that come before]")
_USES: Final = ("is written 'uses'", "write uses: bash, an import path, or module:function")
_FUNCTION: Final = ("a function is named by 'uses'", "write uses: module:function, and its arguments under 'with'")
_WITH: Final = ("is written 'with'", "write the arguments under 'with', by name")
_CONDITION: Final = (
    "a task has no condition of its own",
    "put a task before it that uses short_circuit or branch_python",
)
_ONE_DOCUMENT: Final = ("each Dag is a document of its own", "begin the next with a line '---', or write 'jobs'")
_IN_THE_FLEET: Final = "is said in fleet.yaml, for all pipelines"

#: At the top level of a document.
OF_A_PIPELINE: Final[dict[str, Instead]] = {
    **dict.fromkeys(("id", "name"), ("the id of a Dag is written 'dag_id'", "write dag_id: my_pipeline")),
    **dict.fromkeys(
        ("schedule_interval", "timetable", "cron"), ("is written 'schedule'", "write schedule: '@daily', for example")
    ),
    **dict.fromkeys(("concurrency", "dag_concurrency"), ("is written 'max_active_tasks'", "write max_active_tasks: 4")),
    **dict.fromkeys(("default_task_args", "task_defaults"), ("is written 'defaults'", "write defaults: {retries: 1}")),
    **dict.fromkeys(("task_groups", "groups", "group"), _NO_GROUPS),
    **dict.fromkeys(("dependencies", "edges"), ("each task says what it waits for", "write 'needs' at the task")),
    **dict.fromkeys(("dag", "dags", "pipelines"), _ONE_DOCUMENT),
    "steps": ("is written 'tasks'", "write tasks: and begin each task with '- id: '"),
    "vars": (_IN_THE_FLEET, "write ${{ vars.name }} where a variable is used"),
    "env": (_IN_THE_FLEET, "write ${{ env.NAME }} where a value of the environment is used"),
}

#: Beside ``id``, ``uses`` and ``with`` of a task.
OF_A_TASK: Final[dict[str, Instead]] = {
    "name": ("the id of a task is written 'id'", "the name to show is 'task_display_name'"),
    **dict.fromkeys(("operator", "operator_class", "class", "type", "task"), _USES),
    **dict.fromkeys(
        ("python_callable", "python_callable_name", "python_callable_file", "callable", "function"), _FUNCTION
    ),
    **dict.fromkeys(("op_kwargs", "op_args", "args", "kwargs", "arguments", "parameters", "inputs"), _WITH),
    **dict.fromkeys(("dependencies", "depends_on", "depends", "upstream", "upstream_tasks", "after"), _NEEDS),
    **dict.fromkeys(
        ("downstream", "downstream_tasks", "before"), ("is said by the tasks after this one", "write 'needs' there")
    ),
    **dict.fromkeys(
        ("expand", "expand_kwargs", "partial", "map", "foreach", "for_each", "loop", "matrix"), _NO_MAPPING
    ),
    **dict.fromkeys(("task_groups", "group", "groups", "task_group_name", "group_id"), _NO_GROUPS),
    **dict.fromkeys(("when", "if", "condition"), _CONDITION),
    **dict.fromkeys(("timeout", "task_timeout"), ("is written 'execution_timeout'", "write execution_timeout: 30m")),
    "retry": ("is written 'retries'", "write retries: 3"),
    "schedule": ("is said of the pipeline, not of a task", "write it at the top level"),
}
