"""Keys beside ``uses: module:function`` in the JSON Schema and on the reference page, made from their tables."""

from __future__ import annotations

from typing import Final

from airfleet.pipelines.language.function_options import (
    ISOLATIONS,
    PYTHON_OPTIONS,
    SENSOR_OPTIONS,
    SHORT_CIRCUIT_OPTIONS,
    VENV_OPTIONS,
)
from airfleet.pipelines.language.kinds import KINDS, ArgumentKind
from airfleet.yaml import json_schema
from airfleet.yaml.fields import Schema, Table
from airfleet.yaml.reference import of_fields


def schemas() -> dict[str, Schema]:
    """Return the schema of each key."""
    return {
        "isolation": {"anyOf": [_isolation(), {"type": "null"}]},
        "sensor": _flag_or(_options(SENSOR_OPTIONS)),
        "branch": {"type": ["boolean", "null"]},
        "short_circuit": _flag_or(_options(SHORT_CIRCUIT_OPTIONS)),
    }


def _flag_or(options: Schema) -> Schema:
    return {"anyOf": [{"type": ["boolean", "null"]}, options]}


def _options(table: Table[ArgumentKind]) -> Schema:
    return {"type": "object", "properties": _properties(table), "additionalProperties": False}


def _properties(table: Table[ArgumentKind]) -> dict[str, Schema]:
    return {
        name: {"description": field.says, "anyOf": [json_schema.of_field(field, KINDS), _EXPRESSION, {"type": "null"}]}
        for name, field in table.items()
    }


_EXPRESSION: Final[Schema] = {"$ref": "#/$defs/expression"}
_NAMES: Final[Schema] = {"$ref": "#/$defs/names"}
_IN_A_CONTAINER: Final[Schema] = {"anyOf": [{"type": "string"}, {"type": "object"}]}


def _isolation() -> Schema:
    return {
        "type": "object",
        "properties": {
            **_properties(VENV_OPTIONS),
            **_properties(PYTHON_OPTIONS),
            "venv": {"description": ISOLATIONS["venv"], "anyOf": [_NAMES, {"type": "null"}]},
            "python": {"description": "a version beside venv, else a path", "type": ["string", "number"]},
            "docker": {"description": ISOLATIONS["docker"], **_IN_A_CONTAINER},
            "kubernetes": {"description": ISOLATIONS["kubernetes"], **_IN_A_CONTAINER},
        },
        "anyOf": [{"required": [kind]} for kind in ISOLATIONS],
    }


def section() -> str:
    """Write the section of the reference page."""
    return _SECTION.format(
        sensor=_table(SENSOR_OPTIONS),
        short_circuit=_table(SHORT_CIRCUIT_OPTIONS),
        venv=_table(VENV_OPTIONS),
        only_python=", ".join(f"`{name}`" for name in PYTHON_OPTIONS),
    )


def _table(table: Table[ArgumentKind]) -> str:
    return of_fields(dict(sorted(table.items())), KINDS)


_SECTION: Final = """\
## Functions

A function may be `async`. These keys stand beside `uses: module:function`.

### Sensors, branches, short circuits

```yaml
- {{id: arrived, uses: "shop.steps:has_arrived", sensor: {{poke_interval: 30s, timeout: 2h, mode: reschedule}}}}
- {{id: choose, uses: "shop.steps:choose", branch: true, needs: arrived}}
- {{id: full, uses: "shop.steps:load_all", needs: choose}}
- {{id: part, uses: "shop.steps:load_part", needs: choose}}
- {{id: is_monday, uses: "shop.steps:is_monday", short_circuit: true}}
```

- `sensor` calls the function until it answers yes. Its options:

{sensor}

- `branch: true` goes on with the task, tasks or groups that the function names by their whole ids; the others right
  after it are skipped. `airfleet check` knows answers that stand in the function's source as text.
- `short_circuit` skips what comes after the task when the function answers no. Its option:

{short_circuit}

### Another Python, or a container

`isolation` says where the function runs. The function is imported there, not in the worker.

| isolation | the function runs in |
| --- | --- |
| `{{venv: [pandas==2.2.*]}}`, `{{venv: requirements.txt}}` | a virtual environment made for the task |
| `{{python: /opt/models/bin/python}}` | a Python that is there |
| `{{docker: python:3.12}}` | a container |
| `{{kubernetes: python:3.12}}` | a pod |

Modules of the project can be imported in all of them. Those of a virtual environment are read from the project's
folder; into a container the function's module is sent, with all modules of the project that it imports, but no other
files. A function in a container decides nothing: no sensor, branch or short circuit runs there. A sensor makes its
virtual environment at each call, unless `venv_cache_path` keeps it.

Arguments and results must be such that the other side can read them; of the context, a function gets text (`ds`,
`run_id`, …), and dates where Pendulum is installed. A requirements file is looked for beside the pipeline, then in the
project.

Options beside `venv`:

{venv}

Options beside `python` alone: {only_python}.

Beside `docker` and `kubernetes`, or in a mapping under them, stand the arguments of `DockerOperator` and
`KubernetesPodOperator`, such as `{{docker: {{image: python:3.12, network_mode: host}}}}`. The image needs Python and
`bash`. A pod keeps what the function returns with `do_xcom_push: true`. The fleet needs the provider
`apache-airflow-providers-docker` or `apache-airflow-providers-cncf-kubernetes`.
"""
