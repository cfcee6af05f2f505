"""XComs, Variables, Connections, params, templates, context."""

# ruff: noqa: RUF012, E501
from __future__ import annotations

import dataclasses
import decimal
import json
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import (
    DAG,
    Asset,
    BaseHook,
    BaseOperator,
    Connection,
    Param,
    Variable,
    get_current_context,
    literal,
    task,
)

HERE = Path(__file__).parent
BIG = "0123456789abcdef" * 65536


@dataclasses.dataclass
class Point:
    x: int
    y: int


class Strange:
    def __repr__(self):
        return "something strange"


with DAG("xcoms", schedule=None, start_date=datetime(2026, 1, 1)):
    KINDS = {
        "none": None, "true": True, "number": 7, "float": 0.5, "text": "größer ☃ 𝄞", "empty": "", "list": [1, [2, "3"]],
        "tuple": (1, 2), "set": {1}, "frozen": frozenset({2}), "bytes": b"bytes", "dict": {"a": {"b": [None]}},
        "dict_of_int": {1: "one"}, "datetime": datetime(2026, 1, 2, 3, 4, 5), "date": date(2026, 1, 2),
        "delta": timedelta(minutes=3), "decimal": decimal.Decimal("1.10"), "uuid": UUID(int=5), "big": BIG,
        "point": Point(1, 2), "asset": Asset(uri="s3://x/y", name="xy"), "nan": float("nan"), "strange": Strange(),
        "lambda": (lambda: 1), "huge": 2**70, "surrogate": "\ud800", "nul": "a\0b",
    }  # fmt: skip

    def gives(kind):
        return KINDS[kind]

    def takes(value):
        print(type(value).__name__, str(value)[:60].encode("utf-8", "replace"), len(str(value)))

    for kind in KINDS:
        given = PythonOperator(
            task_id=f"give_{kind}", python_callable=gives, op_args=[kind], show_return_value_in_logs=kind != "big"
        )
        PythonOperator(task_id=f"take_{kind}", python_callable=takes, op_args=[given.output])

with DAG("xcoms_more", schedule=None, start_date=datetime(2026, 1, 1)):

    @task(do_xcom_push=False)
    def not_pushed():
        return "not pushed"

    @task(multiple_outputs=True)
    def several():
        return {"one": 1, "two": [2]}

    @task
    def by_annotation() -> dict[str, int]:
        return {"three": 3}

    @task(multiple_outputs=True)
    def not_several():
        return [1]

    @task
    def pushes(ti=None):
        ti.xcom_push("own", {"k": 1})
        ti.xcom_push("own", {"k": 2})
        ti.xcom_push("nothing", None)
        return "returned"

    @task(retries=1, retry_delay=timedelta(seconds=1))
    def pushes_then_fails(ti=None):
        print(ti.xcom_pull(task_ids="pushes_then_fails", key="kept"))
        ti.xcom_push("kept", ti.try_number)
        raise ValueError("after a push")

    @task(trigger_rule="all_done")
    def pulls(ti=None):
        return {
            "default": ti.xcom_pull(task_ids="pushes"),
            "key": ti.xcom_pull(task_ids="pushes", key="own"),
            "missing": ti.xcom_pull(task_ids="pushes", key="missing"),
            "missing with default": ti.xcom_pull(task_ids="pushes", key="missing", default="default"),
            "several": ti.xcom_pull(task_ids=["pushes", "several", "mapped", "none"]),
            "mapped": ti.xcom_pull(task_ids="mapped"),
            "some mapped": ti.xcom_pull(task_ids="mapped", map_indexes=[2, 0]),
            "one mapped": ti.xcom_pull(task_ids="mapped", map_indexes=1),
            "of failed": ti.xcom_pull(task_ids="pushes_then_fails", key="kept"),
            "without task": ti.xcom_pull(key="own"),
            "other dag": ti.xcom_pull(task_ids="any", dag_id="there_is_no_such_dag"),
            "earlier": ti.xcom_pull(task_ids="pushes", include_prior_dates=True),
        }

    @task
    def mapped(number):
        return number * 5

    @task
    def unpacks(one, two, **more):
        return [one, two, sorted(more)]

    outputs = several()
    found = mapped.expand(number=[1, 2, 3])
    [not_pushed(), by_annotation(), not_several(), pushes(), pushes_then_fails(), found, outputs] >> pulls()
    unpacks(outputs["one"], outputs["two"])
    BashOperator(task_id="json_of_bash", bash_command="echo '{\"a\": 1}'", output_processor=json.loads)

with DAG("stores", schedule=None, start_date=datetime(2026, 1, 1)):

    def outcome(ask):
        try:
            return ask()
        except BaseException as error:
            return f"{type(error).__name__}: {error}"

    @task
    def reads():
        return {
            "variable": outcome(lambda: Variable.get("semantics_word")),
            "json": outcome(lambda: Variable.get("semantics_json", deserialize_json=True)),
            "default": outcome(lambda: Variable.get("semantics_missing", default="default")),
            "missing": outcome(lambda: Variable.get("semantics_missing")),
            "connection": outcome(lambda: Connection.get("semantics_connection").get_uri()),
            "extra": outcome(lambda: BaseHook.get_connection("semantics_connection").extra_dejson),
            "missing connection": outcome(lambda: BaseHook.get_connection("semantics_missing")),
            "environment's": outcome(lambda: Variable.get("from_environment", default="not given")),
        }

    @task
    def writes():
        Variable.set("semantics_written", {"a": [1]}, serialize_json=True, description="by a task")
        first = Variable.get("semantics_written", deserialize_json=True)
        Variable.set("semantics_written", "again")
        second = Variable.get("semantics_written")
        Variable.delete("semantics_written")
        return [first, second, Variable.get("semantics_written", default="gone")]

    @task
    def in_templates(text):
        return text

    reads() >> writes()
    in_templates("{{ var.value.semantics_word }} {{ var.json.semantics_json.a }} {{ conn.semantics_connection.host }}")
    in_templates.override(task_id="missing_in_template")("{{ var.value.semantics_missing }}")
    in_templates.override(task_id="default_in_template")("{{ var.value.get('semantics_missing', 'default') }}")

with DAG(
    "params",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    params={
        "plain": "default",
        "number": Param(5, type="integer", minimum=1),
        "choice": Param("a", enum=["a", "b"]),
        "maybe": Param(None, type=["null", "string"]),
        "nested": {"x": [1, 2]},
    },
    render_template_as_native_obj=True,
):

    @task(params={"own": "of the task", "plain": "default of the task"})
    def sees(native, params=None, dag_run=None):
        return {"params": dict(params), "conf": dag_run.conf, "native": native, "kind": type(native).__name__}

    sees("{{ params.nested }}")
    BashOperator(task_id="says", bash_command="echo {{ params.number + 1 }} {{ params.choice }} {{ dag_run.conf }}")


class Template(BaseOperator):
    template_fields = ("text", "nested", "file", "long", "secret", "thing")
    template_ext = (".sql",)
    template_fields_renderers = {"nested": "json", "file": "sql"}

    def __init__(self, text="", nested=None, file="", long="", secret="", thing=None, **more):
        super().__init__(**more)
        self.text, self.nested, self.file, self.long = text, nested, file, long
        self.secret, self.thing = secret, thing

    def execute(self, context):
        print(self.text, self.nested, self.file, len(self.long), self.thing)
        return {"text": self.text, "nested": self.nested}


class Holder:
    template_fields = ("inside",)

    def __init__(self, inside):
        self.inside = inside

    def __repr__(self):
        return f"Holder({self.inside})"


with DAG(
    "templates",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    params={"column": "id"},
    template_searchpath=[str(HERE / "data")],
    user_defined_macros={"word_macro": "a macro", "add": lambda a, b: a + b},
    user_defined_filters={"shout": lambda text: text.upper()},
):
    NAMES = (
        "ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz", "data_interval_start", "data_interval_end",
        "logical_date", "prev_data_interval_start_success", "prev_start_date_success", "run_id", "task_instance_key_str",
        "dag_run.run_type", "dag_run.conf", "dag.dag_id", "task.task_id", "ti.try_number", "ti.map_index", "params",
        "macros.ds_add(ds, 3)", "macros.ds_format(ds, '%Y-%m-%d', '%d.%m.%y')", "macros.datetime_diff_for_humans",
        "inlets", "outlets", "test_mode", "expanded_ti_count", "triggering_asset_events", "ti.state", "ti.max_tries",
        "dag_run.triggered_by", "task.owner", "ti.log_url", "partition_key", "dag_run.run_after.year > 2000",
        "macros.random() < 1", "macros.uuid.UUID(int=1)", "reason", "exception",
    )  # fmt: skip
    Template(task_id="every_name", nested={name: f"{{{{ {name} | default('undefined') }}}}" for name in NAMES})
    Template(task_id="macros", text="{{ word_macro }} {{ add(1, 2) }} {{ 'x' | shout }} {{ logical_date | ds_nodash }}")
    Template(task_id="of_file", file="query.sql")
    Template(task_id="undefined", text="before {{ there_is_no_such_name }} after")
    Template(task_id="undefined_attribute", text="{{ there_is_no_such_name.x }}")
    Template(task_id="wrong_syntax", text="{{ ds ")
    Template(task_id="wrong_call", text="{{ add(1) }}")
    Template(task_id="deep", nested={"a": ["{{ ds }}", {"b": ("{{ run_id }}", {"{{ ds }}"})}], "c": 5})
    Template(task_id="objects", thing=Holder("{{ ds }}"), nested=[Holder("{{ ds }}"), date(2026, 1, 1), timedelta(1)])
    Template(task_id="long", long="{{ 'x' * 10000 }}", text="short")
    Template(task_id="secret", secret="{{ var.value.semantics_password }}", nested={"password": "hidden words"})
    Template(task_id="literally", text=literal("{{ ds }}"))
    BashOperator(task_id="script", bash_command="script.sh")
    BashOperator(task_id="command", bash_command="echo {{ ti.task_id }} {{ ds }} {{ ti.try_number }}")

    @task
    def upstream():
        return {"key": "value", "list": [1, 2]}

    up = upstream()
    Template(task_id="pulls", text="{{ ti.xcom_pull('upstream')['key'] }}", nested=[up, {"in": up}])

with DAG("contexts", schedule=None, start_date=datetime(2026, 1, 1), params={"p": 1}):

    @task
    def keys(**context):
        return {key: type(value).__name__ for key, value in sorted(context.items())}

    @task
    def current():
        context = get_current_context()
        return [context["ti"].task_id, context["ds"], context["run_id"]]

    @task
    def instance(ti=None, dag_run=None):
        return {
            "count": ti.get_ti_count(dag_id=ti.dag_id, run_ids=[ti.run_id]),
            "states": ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id], task_ids=["keys"]),
            "runs": ti.get_dr_count(dag_id=ti.dag_id),
            "run state": ti.get_dagrun_state(dag_id=ti.dag_id, run_id=ti.run_id),
            "previous": ti.get_previous_dagrun() is None,
            "previous of task": ti.get_previous_ti() is None,
            "breadcrumbs": [
                {key: value for key, value in crumb.items() if key != "duration"}
                for crumb in ti.get_task_breadcrumbs(dag_id=ti.dag_id, run_id=ti.run_id)
            ],
            "first reschedule": ti.get_first_reschedule_date({"ti": ti}),
            "host is set": bool(ti.hostname),
            "conf": dag_run.conf,
            "upstream": sorted(ti.task.upstream_task_ids),
        }

    keys() >> current() >> instance()
