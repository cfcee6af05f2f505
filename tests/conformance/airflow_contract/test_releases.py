"""What releases use of Airflow: bundles with versions, and the version that a run, a Dag and its rows have."""

from __future__ import annotations

import copy
import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import airflow
from airflow.api_fastapi.core_api.datamodels.dag_run import DAGRunResponse
from airflow.api_fastapi.core_api.datamodels.dags import DAGDetailsResponse
from airflow.callbacks.callback_requests import DagCallbackRequest, EmailRequest, TaskCallbackRequest
from airflow.dag_processing.bundles.base import BaseDagBundle, BundleVersion, BundleVersionLock, unpack_bundle_version
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.manager import DagFileInfo, DagFileProcessorManager
from airflow.dag_processing.processor import DagFileProcessorProcess, _parse_file
from airflow.executors.workloads import ExecuteCallback, ExecuteTask
from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.sdk import DAG
from airflow.serialization.definitions import dag as scheduler_dag
from airflow.serialization.serialized_objects import DagSerialization, LazyDeserializedDAG

from airfleet.cli.diagnosis import wait_reasons
from airfleet.dag_processor.release_following import DIGEST_KEY
from airfleet.pipelines.airflow.bundle import PipelineBundle


def data(digest: str | None = None) -> dict[str, object]:
    stored: dict[str, object] = DagSerialization.to_dict(DAG("d", schedule=None))
    return stored if digest is None else {**stored, DIGEST_KEY: digest}


def test_all_that_is_stored_of_a_dag_is_hashed_and_what_stands_beside_it_is_not_read() -> None:
    plain, one, two = (SerializedDagModel.hash(copy.deepcopy(data(digest))) for digest in (None, "1", "2"))
    assert len({plain, one, two}) == 3
    read = DagSerialization.from_dict(copy.deepcopy(data("1")))
    assert DagSerialization.to_dict(read)["dag"] == DagSerialization.to_dict(DagSerialization.from_dict(data()))["dag"]
    assert LazyDeserializedDAG(data=data("1")).dag_id == "d"
    assert SerializedDagModel.hash(LazyDeserializedDAG(data=data("1")).data) == one


def test_a_dag_of_the_same_hash_keeps_its_version_and_moves_its_source() -> None:
    source = inspect.getsource(SerializedDagModel.write_dag)
    assert "new_dag_hash = cls.hash(dag.data)" in source
    assert "serialized_dag_hash == new_dag_hash and dag_version and dag_version.bundle_name == bundle_name" in source
    assert "dag_version.bundle_version = bundle_version" in source


def test_a_version_of_a_bundle_is_a_value_with_a_name() -> None:
    bundle = PipelineBundle(name="b", path="/nowhere")
    assert unpack_bundle_version(BundleVersion("v"), bundle) == ("v", None)
    assert unpack_bundle_version(None, bundle) == (None, None)
    assert {"name", "version"} <= set(inspect.signature(BaseDagBundle.__init__).parameters)
    assert "if not self.version:" in inspect.getsource(BundleVersionLock.acquire)


def test_the_configured_bundles_are_known_by_name_and_class() -> None:
    known = DagBundlesManager()._bundle_config
    assert all(inspect.isclass(one.bundle_class) for one in known.values())
    assert list(inspect.signature(DagBundlesManager.get_bundle).parameters) == ["self", "name", "version"]


def test_the_manager_asks_a_bundle_around_a_refresh_whether_it_has_versions() -> None:
    source = inspect.getsource(DagFileProcessorManager._refresh_dag_bundles)
    assert list(inspect.signature(DagFileProcessorManager._refresh_dag_bundles).parameters) == ["self", "known_files"]
    before, after = (
        position for position in range(len(source)) if source.startswith("if bundle.supports_ver", position)
    )
    assert before < source.index("bundle.refresh()") < after
    assert "self._bundle_versions[bundle.name] = version_after_refresh" in source
    attributes = {attribute.name for attribute in DagFileProcessorManager.__attrs_attrs__}
    assert {"_bundle_versions", "_file_queue", "_processors", "_dag_bundles"} <= attributes
    assert 'mode == "frontprio"' in inspect.getsource(DagFileProcessorManager._add_files_to_queue)


def test_a_callback_takes_the_version_of_its_request_after_its_bundle_was_prepared() -> None:
    source = inspect.getsource(DagFileProcessorManager._add_callback_to_queue)
    assert source.index("self.prepare_callback_bundle(request)") < source.index("bundle_version=request.bundle_version")
    assert "_execute_callbacks" in inspect.getsource(_parse_file)
    assert "bundle_version" in DagCallbackRequest.model_fields
    assert {"ti", "bundle_version"} <= set(TaskCallbackRequest.model_fields) & set(EmailRequest.model_fields)
    assert {"dag_id", "run_id"} <= set(DagCallbackRequest.model_fields)
    assert {"path", "bundle_path"} <= set(inspect.signature(DagFileProcessorProcess.start).parameters)


def test_the_last_parse_of_a_file_is_looked_for_by_its_path_alone() -> None:
    assert "in self._file_stats.items()" in inspect.getsource(DagFileProcessorManager.processed_recently)
    key = DagFileInfo(rel_path=Path("a"), bundle_name="b", bundle_version="v").presence_key
    assert key == DagFileInfo(rel_path=Path("a"), bundle_name="b").presence_key


def test_a_run_takes_the_version_of_its_dag_and_a_message_that_of_its_run() -> None:
    assert "select(DagModel.bundle_version)" in inspect.getsource(scheduler_dag)
    for workload in (ExecuteTask, ExecuteCallback):
        assert "bundle_info" in workload.model_fields
        assert "dag_run.bundle_version" in inspect.getsource(workload.make)


def test_rows_have_these_columns() -> None:
    for column in ("dag_id", "bundle_name", "bundle_version", "relative_fileloc", "fileloc"):
        assert column in DagModel.__table__.columns
    assert {"dag_id", "version_number", "bundle_version"} <= set(DagVersion.__table__.columns.keys())
    assert {"dag_id", "run_id", "bundle_version"} <= set(DagRun.__table__.columns.keys())


def test_a_run_is_cleared_onto_the_newest_release_by_the_option_that_is_named_in_why() -> None:
    texts = json.loads((Path(airflow.__file__).parent / "ui/dist/i18n/locales/en/dags.json").read_text())
    (label,) = [value for key, value in _leaves(texts) if key == "runOnLatestVersion"]
    assert f"'{label}'" in wait_reasons._LATEST
    assert "bundle_name" in DAGDetailsResponse.model_fields
    assert "bundle_version" in DAGRunResponse.model_fields


def _leaves(texts: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in texts.items():
        yield from _leaves(value) if isinstance(value, dict) else ((key, value),)
