"""Keys beside ``uses: module:function``: the Python that runs it, and what its answer decides, as one table each.

Reader, checks, JSON Schema and reference page come from these tables, as with the arguments of Airflow's classes.
"""

from __future__ import annotations

from typing import Final

from airfleet.pipelines.language.arguments import Argument
from airfleet.pipelines.language.kinds import ArgumentKind
from airfleet.pipelines.language.spec import IsolationKind, RoleKind
from airfleet.yaml.fields import Table

MODES: Final = ("poke", "reschedule")
SERIALIZERS: Final = ("pickle", "cloudpickle", "dill")

#: ``sensor: {…}``
SENSOR_OPTIONS: Final[Table[ArgumentKind]] = {
    "poke_interval": Argument("duration", "The pause between two calls."),
    "timeout": Argument("duration", "Waiting longer fails the task."),
    "mode": Argument("text", "`reschedule` gives the slot back between two calls.", choices=MODES),
    "exponential_backoff": Argument("boolean", "Double the pause after each call."),
    "max_wait": Argument("duration", "The longest pause between two calls."),
    "soft_fail": Argument("boolean", "Skip the task instead of failing it."),
    "silent_fail": Argument("boolean", "Take an error of a call as an answer of no."),
    "never_fail": Argument("boolean", "Skip the task at any error."),
}
#: ``short_circuit: {…}``
SHORT_CIRCUIT_OPTIONS: Final[Table[ArgumentKind]] = {
    "ignore_downstream_trigger_rules": Argument(
        "boolean", "Skip all tasks after this one (true), or leave later ones to their `trigger_rule`."
    ),
}
ROLES: Final[dict[RoleKind, Table[ArgumentKind]]] = {
    "sensor": SENSOR_OPTIONS,
    "branch": {},
    "short_circuit": SHORT_CIRCUIT_OPTIONS,
}

_OF_ANOTHER_PYTHON: Final[Table[ArgumentKind]] = {
    "env_vars": Argument("mapping", "Variables of the environment, as text."),
    "inherit_env": Argument("boolean", "Whether the worker's environment is there, too."),
    "serializer": Argument("text", "How arguments and results are sent.", choices=SERIALIZERS),
    "expect_airflow": Argument("boolean", "Whether Airflow is installed there."),
    "skip_on_exit_code": Argument("integer", "The exit code that skips the task."),
}
#: beside ``venv``
VENV_OPTIONS: Final[Table[ArgumentKind]] = {
    "python": Argument("text", "The version of Python, `3.12`; left out, `python` of the worker's path, or its own."),
    "system_site_packages": Argument("boolean", "Whether packages of that Python are there, too."),
    "index_urls": Argument("texts", "Package indexes to install from."),
    "index_urls_from_connection_ids": Argument("texts", "Connections that hold package indexes."),
    "pip_install_options": Argument("texts", "Options of `pip install`."),
    "venv_cache_path": Argument("text", "The folder in which environments are kept for the next task."),
    **_OF_ANOTHER_PYTHON,
}
#: beside ``python`` alone
PYTHON_OPTIONS: Final[Table[ArgumentKind]] = {
    **_OF_ANOTHER_PYTHON,
    "expect_pendulum": Argument("boolean", "Whether Pendulum is installed there."),
}
ISOLATIONS: Final[dict[IsolationKind, str]] = {
    "venv": "a list of requirements, or a requirements file beside the pipeline",
    "python": "the absolute path of a Python",
    "docker": "an image, or the arguments of DockerOperator",
    "kubernetes": "an image, or the arguments of KubernetesPodOperator",
}

_ELSEWHERE: Final = {
    **dict.fromkeys(("venv", "virtualenv", "requirements", "python_version", "packages"), "venv: [pandas]"),
    **dict.fromkeys(("python", "python_bin", "interpreter"), "python: /opt/models/bin/python"),
    **dict.fromkeys(("docker", "image", "container"), "docker: python:3.12"),
    **dict.fromkeys(("kubernetes", "k8s", "pod", "namespace"), "kubernetes: python:3.12"),
}


def meant_of_a_function(key: str) -> str | None:
    """Make a hint for a key of Airflow's decorators, or of other YAML, that stands beside a function.

    >>> meant_of_a_function("poke_interval"), meant_of_a_function("image"), meant_of_a_function("rows")
    ('write sensor: {poke_interval: …}', 'write isolation: {docker: python:3.12}', None)
    """
    if key in SENSOR_OPTIONS and key != "timeout":
        return f"write sensor: {{{key}: …}}"
    if key in SHORT_CIRCUIT_OPTIONS:
        return f"write short_circuit: {{{key}: …}}"
    if key in ("kind", "branch_on", "is_sensor", "is_branch"):
        return "write sensor: true, branch: true or short_circuit: true"
    return f"write isolation: {{{_ELSEWHERE[key]}}}" if key in _ELSEWHERE else None


def is_file(requirement: str) -> bool:
    """Tell a requirements file from a single requirement.

    >>> is_file("requirements.txt"), is_file("pandas>=2")
    (True, False)
    """
    return requirement.endswith((".txt", ".in", ".lock"))


#: kind -> the operator whose arguments it takes
CONTAINERS: Final[dict[IsolationKind, str]] = {
    "docker": "airflow.providers.docker.operators.docker.DockerOperator",
    "kubernetes": "airflow.providers.cncf.kubernetes.operators.pod.KubernetesPodOperator",
}
#: kind -> the provider that it needs
PROVIDER_OF: Final[dict[IsolationKind, str]] = {"docker": "docker", "kubernetes": "cncf.kubernetes"}
#: arguments of these operators that are made from the function
MADE_OF_THE_FUNCTION: Final = frozenset(
    [
        *("command", "entrypoint", "retrieve_output", "retrieve_output_path", "xcom_all"),
        *("cmds", "arguments", "pod_template_file", "pod_template_dict", "full_pod_spec"),
    ]
)
#: what Airflow's decorators take beside the arguments of the operator
OF_THE_DECORATOR: Final[dict[IsolationKind, tuple[str, ...]]] = {
    "docker": ("python_command", "expect_airflow", "serializer"),
    "kubernetes": ("use_dill",),
}
