"""What we use of Airflow 3.3 beyond its documented API. When one of these fails, upstream moved."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest
from airflow.dag_processing.bundles.base import BaseDagBundle
from airflow.dag_processing.bundles.local import LocalDagBundle
from airflow.dag_processing.dagbag import DagBag
from airflow.dag_processing.importers import AbstractDagImporter, DagImportError, DagImportResult, get_importer_registry
from airflow.dag_processing.manager import DagFileInfo, DagFileProcessorManager
from airflow.dag_processing.processor import (
    DagFileParseRequest,
    DagFileParsingResult,
    DagFileProcessorProcess,
    _parse_file,
    _parse_file_entrypoint,
)
from airflow.models.dag import DagModel
from airflow.sdk import DAG, BaseOperator, TaskGroup

from airfleet.dag_processor.job_runner import PipelineFileProcessorManager
from airfleet.pipelines.airflow.importer import YamlDagImporter, register
from support.upstream import digest


def parameters(function: object) -> list[str]:
    return list(inspect.signature(function).parameters)  # type: ignore[arg-type]


def test_an_importer_has_these_methods() -> None:
    assert parameters(AbstractDagImporter.import_file) == [
        "self",
        "file_path",
        "bundle_path",
        "bundle_name",
        "safe_mode",
    ]
    assert parameters(AbstractDagImporter.list_dag_files) == ["self", "directory", "safe_mode"]
    assert AbstractDagImporter.__abstractmethods__ == {"supported_extensions", "import_file"}


def test_an_import_error_without_stack_trace_is_stored_as_its_message() -> None:
    error = DagImportError("a.yaml", "sentence", error_type="pipeline")
    assert (error.file_path, error.message, error.stacktrace) == ("a.yaml", "sentence", None)
    assert DagImportResult(file_path="a.yaml", dags=[]).errors == []
    assert "error.stacktrace if error.stacktrace else error.message" in inspect.getsource(DagBag.process_file)


def test_registering_twice_changes_nothing() -> None:
    register()
    before = get_importer_registry().get_importer("a.yaml")
    register()
    assert isinstance(before, YamlDagImporter)
    assert get_importer_registry().get_importer("a.yaml") is before
    assert get_importer_registry().get_importer("a.yml") is before


def test_the_manager_calls_what_we_override() -> None:
    loop = inspect.getsource(DagFileProcessorManager)
    for call in (
        "self._find_files_in_bundle(bundle)",
        "self._get_observed_filelocs(",
        "self.should_skip_refresh(",
        "self.claim_priority_files()",
        "self.remove_orphaned_file_stats(",
        "self.purge_inactive_dag_warnings()",
        "self.get_bundle_state(bundle.name)",
        "self.update_bundle_state(",
        "self.persist_parsing_result(",
    ):
        assert call in loop, call


@pytest.mark.parametrize(
    "method",
    [
        "_find_files_in_bundle",
        "_get_observed_filelocs",
        "should_skip_refresh",
        "claim_priority_files",
        "remove_orphaned_file_stats",
        "purge_inactive_dag_warnings",
    ],
)
def test_our_manager_takes_what_airflow_gives(method: str) -> None:
    ours, theirs = getattr(PipelineFileProcessorManager, method), getattr(DagFileProcessorManager, method)
    assert parameters(ours) == parameters(theirs)


def test_what_a_parse_gave_is_stored_with_these_names() -> None:
    theirs = parameters(DagFileProcessorManager.persist_parsing_result)
    assert {"bundle_name", "parsing_result", "relative_fileloc", "session"} <= set(theirs)
    assert "serialized_dags" in DagFileParsingResult.model_fields
    for column in ("dag_id", "bundle_name", "relative_fileloc", "is_stale", "has_import_errors"):
        assert column in DagModel.__table__.columns, column


def test_a_file_is_known_by_bundle_and_path() -> None:
    one = DagFileInfo(rel_path=Path("a.yaml"), bundle_name="b", bundle_path=Path("/x"))
    assert one == DagFileInfo(rel_path=Path("a.yaml"), bundle_name="b", bundle_path=Path("/y"))
    assert one.absolute_path == Path("/x/a.yaml")
    assert "_processors" in [attribute.name for attribute in DagFileProcessorManager.__attrs_attrs__]


@pytest.mark.parametrize(
    "path",
    [
        "airflow._shared.module_loading.file_discovery.find_path_from_directory",
        "airflow.configuration.conf",
        "airflow.jobs.dag_processor_job_runner.DagProcessorJobRunner",
        "airflow.jobs.job.Job",
        "airflow.jobs.job.run_job",
        "airflow.listeners.hookimpl",
        "airflow.sdk.Asset",
        "airflow.sdk.AssetAlias",
        "airflow.sdk.AssetAll",
        "airflow.sdk.AssetAny",
        "airflow.sdk.AssetOrTimeSchedule",
        "airflow.sdk.AssetWatcher",
        "airflow.sdk.CronDataIntervalTimetable",
        "airflow.sdk.CronPartitionTimetable",
        "airflow.sdk.CronTriggerTimetable",
        "airflow.sdk.DagRunState",
        "airflow.sdk.MultipleCronTriggerTimetable",
        "airflow.sdk.PartitionedAssetTimetable",
        "airflow.sdk._shared.module_loading.import_string",
        "airflow.sdk.api.datamodels._generated.DagRunState",
        "airflow.sdk.api.datamodels._generated.DagRunType",
        "airflow.sdk.bases.branch.BaseBranchOperator",
        "airflow.sdk.bases.decorator.DecoratedOperator",
        "airflow.sdk.bases.operator.TriggerFailureReason",
        "airflow.sdk.definitions.asset.AssetNameRef",
        "airflow.sdk.definitions.asset.AssetUriRef",
        "airflow.sdk.definitions.deadline.DeadlineAlert",
        "airflow.sdk.definitions.param.ParamsDict",
        "airflow.sdk.definitions.retry_policy.RetryRule",
        "airflow.sdk.exceptions.AirflowException",
        "airflow.sdk.exceptions.AirflowRuntimeError",
        "airflow.sdk.exceptions.AirflowSkipException",
        "airflow.sdk.exceptions.ErrorType",
        "airflow.sdk.exceptions.ParamValidationError",
        "airflow.sdk.get_parsing_context",
        "airflow.sdk.listener.get_listener_manager",
        "airflow.sdk.literal",
        "airflow.sdk.serde.deserialize",
        "airflow.sdk.serde.serialize",
        "airflow.timetables.events.EventsTimetable",
        "airflow.utils.db.initdb",
        "airflow.utils.file.might_contain_dag",
        "airflow.utils.process_utils.set_component_mp_start_method",
        "airflow.utils.providers_configuration_loader.providers_configuration_loaded",
    ],
)
def test_these_names_exist(path: str) -> None:
    module, _, name = path.rpartition(".")
    assert hasattr(importlib.import_module(module), name)


def test_a_local_bundle_is_a_path() -> None:
    assert issubclass(LocalDagBundle, BaseDagBundle)
    assert LocalDagBundle(name="x", path="/somewhere").path == Path("/somewhere")


def test_dag_test_takes_what_a_local_run_gives() -> None:
    assert {"logical_date", "run_conf", "mark_success_pattern"} <= set(parameters(DAG.test))


def test_the_parsing_context_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk import get_parsing_context

    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "weather")
    assert get_parsing_context().dag_id == "weather"


def test_an_operator_names_its_own_arguments_and_no_others() -> None:
    names = {p.name for p in inspect.signature(BaseOperator.__init__).parameters.values() if p.kind is p.KEYWORD_ONLY}
    assert {"task_id", "dag", "task_group", "default_args", "retries", "queue", "pool"} <= names


def test_a_process_of_a_file_is_started_collected_and_ended_by_what_we_override() -> None:
    taken_over = {
        DagFileProcessorManager._create_process: "3e5a216ac5f0808a",
        DagFileProcessorManager._service_processor_sockets: "76e2a02963fc0cef",
        DagFileProcessorManager._kill_timed_out_processors: "015762d68f6ea602",
        inspect.unwrap(DagFileProcessorManager.handle_parsing_result): "08253401977058ad",
        DagFileProcessorProcess._create_log_forwarder: "39ed3facf6a03a75",
        DagFileProcessorProcess.is_ready.fget: "b60887c54add36b0",
        _parse_file_entrypoint: "c0b19c69f5fa64b1",
        _parse_file: "570c547a9671c30b",
    }
    assert {function: digest(function) for function in taken_over} == taken_over
    assert "self._create_process(file)" in inspect.getsource(DagFileProcessorManager._start_new_processes)
    assert "self.handle_parsing_result(file, proc)" in inspect.getsource(DagFileProcessorManager._collect_results)


def test_several_files_are_parsed_by_what_parses_one() -> None:
    assert parameters(_parse_file)[:2] == ["msg", "log"]
    assert {"file", "bundle_path", "bundle_name"} <= set(DagFileParseRequest.model_fields)
    assert {"fileloc", "serialized_dags", "warnings", "import_errors"} <= set(DagFileParsingResult.model_fields)
    manager = {attribute.name for attribute in DagFileProcessorManager.__attrs_attrs__}
    assert {"_file_queue", "_callback_to_execute", "_parallelism", "processor_timeout"} <= manager
    assert "in self._processors" in inspect.getsource(DagFileProcessorManager.terminate_orphan_processes)


def test_a_task_of_a_dag_can_be_replaced_by_another_operator() -> None:
    with DAG("replaced", schedule=None) as dag:
        BaseOperator(task_id="a")
    made = BaseOperator(task_id="a")
    dag.task_dict["a"] = made
    made.dag = dag
    assert dag.get_task("a") is made


def test_a_converted_dag_is_read_by_these_names() -> None:
    with DAG("read", schedule=None) as dag:
        with TaskGroup("g") as group:
            task = BaseOperator(task_id="a", retries=2)
        after = BaseOperator(task_id="b")
        group >> after
    assert task._BaseOperator__init_kwargs["retries"] == 2  # type: ignore[attr-defined]
    assert dag.task_group.get_task_group_dict()["g"] is group
    assert ([*group.get_roots()], [*group.get_leaves()]) == ([task], [task])
    assert (group.downstream_task_ids, group.upstream_task_ids, group.upstream_group_ids) == ({"b"}, set(), set())
