"""What functions elsewhere, sensors, branches and short circuits take over from Airflow's operators."""

from __future__ import annotations

import inspect
from pathlib import Path

import jinja2
from airflow.providers.standard.operators import python
from airflow.providers.standard.sensors.python import PythonSensor
from airflow.providers.standard.utils import python_virtualenv
from airflow.sdk import BaseSensorOperator
from airflow.sdk.bases.skipmixin import SkipMixin

from airfleet.pipelines.language import function_options as options
from support.upstream import parameters

BASE = python._BasePythonVirtualenvOperator


def test_the_source_and_the_arguments_that_are_sent_can_be_others() -> None:
    body = inspect.getsource(BASE._execute_python_callable_in_subprocess)
    assert "self.get_python_source()" in body
    assert "self._write_args(input_path)" in body
    assert '"python_callable": self.python_callable.__name__' in body
    assert "self.op_kwargs = self.determine_kwargs(context)" in inspect.getsource(python.PythonOperator.execute)
    assert list(inspect.signature(BASE.determine_kwargs).parameters) == ["self", "context"]
    script = Path(python_virtualenv.__file__).with_name("python_virtualenv_script.jinja2").read_text()
    assert "{{ python_callable_source }}" in script
    assert '{{ python_callable }}(*arg_dict["args"], **arg_dict["kwargs"])' in script
    assert jinja2.Environment().parse(script)


def test_the_options_that_we_offer_are_taken() -> None:
    of_venv = {"python_version" if name == "python" else name for name in options.VENV_OPTIONS}
    assert {*of_venv, "requirements"} <= set(parameters(python.PythonVirtualenvOperator))
    assert {*options.PYTHON_OPTIONS, "python"} <= set(parameters(python.ExternalPythonOperator))
    assert set(options.SENSOR_OPTIONS) == set(parameters(BaseSensorOperator)) - {"kwargs", "self"}
    assert set(options.SHORT_CIRCUIT_OPTIONS) == set(parameters(python.ShortCircuitOperator)) - {"kwargs", "self"}
    assert set(options.SERIALIZERS) == set(python._SERIALIZERS)


def test_an_answer_decides_as_in_airflow() -> None:
    assert issubclass(python.BranchPythonOperator, SkipMixin)
    assert issubclass(python.ShortCircuitOperator, SkipMixin)
    assert "PythonOperator.execute(self, context)" in inspect.getsource(python.BranchPythonOperator.choose_branch)
    poke = inspect.getsource(PythonSensor.poke)
    assert "return_value = self.python_callable(*self.op_args, **self.op_kwargs)" in poke
    assert "determine_kwargs(self.python_callable, self.op_args, context)" in poke
