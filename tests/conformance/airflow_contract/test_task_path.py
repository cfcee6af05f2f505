"""What the path of a task takes over from Airflow: the attempt's process, its monitor, and the six requests.

When one of these fails, upstream moved: read what changed before a digest is renewed.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from airflow.api_fastapi.auth.tokens import JWTGenerator, JWTValidator
from airflow.api_fastapi.execution_api import app as execution_app
from airflow.api_fastapi.execution_api import security
from airflow.api_fastapi.execution_api.datamodels.taskinstance import TIRunContext, TIStateUpdate
from airflow.api_fastapi.execution_api.datamodels.token import TIClaims, TIToken
from airflow.api_fastapi.execution_api.routes import task_instances, xcoms
from airflow.dag_processing.bundles.base import BaseDagBundle, BundleVersionLock
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.executors.base_executor import BaseExecutor
from airflow.models.log import Log
from airflow.models.renderedtifields import RenderedTaskInstanceFields
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.sdk import BaseOperator
from airflow.sdk.api.client import Client
from airflow.sdk.definitions._internal.templater import Templater
from airflow.sdk.execution_time import supervisor, task_runner
from airflow.sdk.execution_time.comms import CommsDecoder, SetRenderedFields, StartupDetails
from airflow.sdk.execution_time.coordinator import BaseCoordinator
from airflow.sdk.execution_time.supervisor import ActivitySubprocess, ProcessTracker, WatchedSubprocess
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from cadwyn.middleware import VersionPickingMiddleware
from fastapi.routing import APIRoute

from airfleet.api_server import fast_handlers
from airfleet.worker import attempt_monitor, coordinator, pool_client
from support.upstream import digest, parameters

#: repeated here step by step, or relied upon in every step
TAKEN_OVER: dict[Callable[..., Any], str] = {
    # task_process.main: an attempt with its Dag loaded
    task_runner.main: "7b68e5fae807f4d8",
    task_runner.startup: "e25b23ed2b3bf36f",
    task_runner.get_startup_details: "4f82718257528f0f",
    supervisor._fork_main: "dcd72f39f55e95f0",
    supervisor._reopen_std_io_handles: "3d0cbd5232a65492",
    supervisor._reset_signals: "4e0507fdd498a48b",
    supervisor._configure_logs_over_json_channel: "d45ee1d5f3899504",
    supervisor._make_process_nondumpable: "05e03d62f7cf15ea",
    # loading
    task_runner.parse: "0768e3ebda7913d7",
    task_runner._verify_bundle_access: "96b069cb83bc27bd",
    task_runner._register_deserialization_allowed_classes: "42f7cfe7c325163d",
    # template_fields: what becomes of a template field
    task_runner._prepare: "b3a2937fec10ec21",
    task_runner._serialize_rendered_fields: "3a0c6b35676bfc32",
    task_runner._serialize_template_field: "1e1358fcf9d967d2",
    Templater._iter_templated_fields: "3ccf968ea51c91f0",
    Templater._do_render_template_fields: "9e2c2f8b851650bd",
    Templater.render_template: "faaba4dd065d147e",
    BaseOperator.render_template_fields: "71fb91c3db63c63a",
    BaseOperator.prepare_for_execution: "5dea2240c02d6c76",
    RuntimeTaskInstance.render_templates: "ad0cb432e8dc73f9",
    # celery_task: what leads to the monitor
    BaseExecutor.run_workload: "1896f4602c6265d3",
    # attempt_monitor
    supervisor.supervise_task: "68682741c16306b8",
    WatchedSubprocess.start.__func__: "19b42d4907a6480f",
    WatchedSubprocess._register_pipe_readers: "62c32ca74d7327b2",
    WatchedSubprocess._service_subprocess: "158d22b43aa70d7c",
    WatchedSubprocess._check_subprocess_exit: "418c4b9b88e3095d",
    WatchedSubprocess._on_socket_closed: "a11a9f6c53dd72d8",
    WatchedSubprocess._cleanup_open_sockets: "bd4ffc5c8dfda4e2",
    WatchedSubprocess._signal_subprocess: "abe0a44590200765",
    WatchedSubprocess.send_msg: "cbb3b6d3eda8b451",
    ActivitySubprocess.start.__func__: "dd042204af7d5c32",
    ActivitySubprocess._on_child_started: "0639c4b1bbb19b76",
    ActivitySubprocess.wait: "fac671c6381ba794",
    ActivitySubprocess._monitor_subprocess: "c688d13cb5098b8f",
    ActivitySubprocess._send_heartbeat_if_needed: "11c4912552d2959d",
    ActivitySubprocess.update_task_state_if_needed: "8732227ca3e8be39",
    ActivitySubprocess.final_state.fget: "afefac44520abf34",
    supervisor.PsutilTracker: "0e85e7323f5e8fb4",
    # fast_path: what lies around the six handlers
    execution_app.CorrelationIdMiddleware.dispatch: "351c47296268881a",
    execution_app.JWTReissueMiddleware.dispatch: "0c0d28bf9a707bd0",
    security.JWTBearer.__call__: "7457353dc037276c",
    security.require_auth: "5b5b46584578f518",
    VersionPickingMiddleware.dispatch: "bbfd3f43afd71762",
    xcoms.has_xcom_access: "68c000d7b9100793",
    # fast_queries: the plain case of five handlers
    task_instances.ti_run: "f771c909b73eb46e",
    task_instances.ti_update_state: "f2dd075fdf50f109",
    task_instances._create_ti_state_update_query_and_update_state: "cc7821950a9169b3",
    task_instances._is_eligible_to_retry: "7d636f0a39c85f04",
    TaskInstance.duration_expression_update.__func__: "6421b16842c96bab",
    TaskInstance.register_asset_changes_in_db: "f1fd8f5dc1e12944",
    task_instances.ti_put_rtif: "210c5807161ba472",
    TaskInstance.update_rtif: "6fc77f74a78e5da9",
    RenderedTaskInstanceFields.__init__: "cd9864fc5ca71c28",
    RenderedTaskInstanceFields._redact: "f5975754b0b2506e",
    RenderedTaskInstanceFields.write: "e5e36b38159eee69",
    RenderedTaskInstanceFields.delete_old_records.__func__: "681325fab6a6b45e",
    RenderedTaskInstanceFields._do_delete_old_records.__func__: "6876688539358885",
    xcoms.set_xcom: "3c03efb82aefd6a4",
    xcoms.get_xcom: "5d38a18fe3607f39",
    XComModel.get_many.__func__: "5cc5844b5cd94572",
    XComModel.set.__func__: "71971b3f620e9c71",
    Log.__init__: "a6c5eb9221161681",
}


@pytest.mark.parametrize("function", TAKEN_OVER, ids=lambda function: function.__qualname__)
def test_upstream_does_what_it_did_when_ours_was_written(function: Callable[..., Any]) -> None:
    assert digest(inspect.unwrap(function)) == TAKEN_OVER[function], f"{function.__qualname__}: compare ours with it"


# --- the monitor --------------------------------------------------------------------------------------


def test_a_coordinator_is_asked_like_this() -> None:
    given = parameters(BaseCoordinator.execute_task)
    assert set(given) - {"kwargs"} <= set(parameters(coordinator.TaskCoordinator.execute_task))
    assert list(BaseCoordinator.ExecutionResult.__annotations__) == ["exit_code", "final_state"]


def test_a_monitor_has_the_attributes_that_ours_uses() -> None:
    names = {attribute.name for attribute in attrs.fields(ActivitySubprocess)}
    assert {
        "id", "pid", "stdin", "selector", "client", "ti", "process_log", "subprocess_logs_to_stdout",
        "_process", "_new_process_group", "_open_sockets", "_terminal_state", "_pending_terminal_state_msg",
        "_last_heartbeat_attempt",
    } <= names  # fmt: skip
    assert parameters(ActivitySubprocess._on_child_started) == [
        "self", "ti", "dag_rel_path", "bundle_info", "sentry_integration"
    ]  # fmt: skip
    for name in ("start", "start_in_pool"):
        taken = parameters(getattr(attempt_monitor.AttemptMonitor, name))
        assert taken == ["kwargs"] or {"what", "dag_rel_path", "bundle_info", "client"} <= set(taken)
    assert {"what", "dag_rel_path", "bundle_info", "client", "logger", "sentry_integration"} <= set(
        parameters(ActivitySubprocess.start)
    )


@pytest.mark.parametrize("name", ["_on_child_started", "_handle_request", "wait", "_service_subprocess"])
def test_what_a_monitor_overrides_or_calls_is_there(name: str) -> None:
    assert callable(getattr(ActivitySubprocess, name))
    if (ours := vars(attempt_monitor.AttemptMonitor).get(name)) is not None and "kwargs" not in parameters(ours):
        assert parameters(ours) == parameters(getattr(ActivitySubprocess, name))


def test_a_tracker_has_all_that_airflow_asks_it_for() -> None:
    asked = {name for name in [*vars(ProcessTracker), *ProcessTracker.__annotations__] if not name.startswith("_")}
    assert asked == {"ProcessNotFound", "TimeoutExpired", "pid", "send_signal", "wait"}
    for name in asked:
        assert name in vars(pool_client.PoolTracker), name
    for name in ("send_signal", "wait"):
        assert parameters(getattr(pool_client.PoolTracker, name)) == parameters(getattr(ProcessTracker, name))


def test_the_client_is_made_and_changed_like_this() -> None:
    assert {"base_url", "token"} <= set(parameters(Client.__init__))
    assert "limits" in inspect.signature(importlib.import_module("httpx").Client.__init__).parameters
    assert "rendered_fields" in SetRenderedFields.model_fields
    assert {"up_for_retry", "success", "SERVER_TERMINATED"} <= supervisor.STATES_SENT_DIRECTLY


# --- the attempt --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "airflow.dag_processing.bundles.manager.DagBundlesManager",
        "airflow.sdk._shared.observability.metrics.stats.initialize",
        "airflow.listeners.hookimpl",
        "airflow.sdk._shared.secrets_masker.redact",
        "airflow.sdk.api.client.getuser",
        "airflow.sdk.definitions._internal.dag_parsing_context._airflow_parsing_context_manager",
        "airflow.sdk.definitions._internal.templater.create_template_env",
        "airflow.sdk.exceptions.AirflowRescheduleException",
        "airflow.sdk.execution_time.comms.RescheduleTask",
        "airflow.sdk.execution_time.comms._ResponseFrame",
        "airflow.sdk.execution_time.comms.ToSupervisor",
        "airflow.sdk.execution_time.comms.ToTask",
        "airflow.sdk.execution_time.supervisor._subprocess_main",
        "airflow.sdk.execution_time.task_runner.TaskRunnerMarker",
        "airflow.sdk.execution_time.task_runner._make_task_span",
        "airflow.sdk.execution_time.task_runner.finalize",
        "airflow.sdk.execution_time.task_runner.flush_spans",
        "airflow.sdk.execution_time.task_runner.run",
        "airflow.sdk.listener.get_listener_manager",
        "airflow.sdk.log.configure_logging",
        "airflow.sdk.log.reset_logging",
        "airflow.sdk.observability.metrics.stats_utils.get_stats_factory",
    ],
)
def test_these_names_exist(path: str) -> None:
    module, _, name = path.rpartition(".")
    parent = importlib.import_module(module)
    assert hasattr(parent, name)


def test_functions_of_an_attempt_take_what_ours_gives() -> None:
    assert parameters(supervisor._fork_main) == ["requests", "child_stdout", "child_stderr", "log_fd", "target"]
    assert parameters(task_runner.run) == ["ti", "context", "log"]
    assert parameters(task_runner.finalize)[:5] == ["ti", "state", "context", "log", "error"]
    assert parameters(task_runner.startup) == ["msg"]
    assert {"bundle_name", "bundle_version"} <= set(parameters(BundleVersionLock.__init__))
    assert {"dag_folder", "safe_mode", "load_op_links", "bundle_path", "bundle_name"} <= set(
        parameters(BundleDagBag.__init__)
    ) | set(parameters(BundleDagBag.__mro__[1].__init__))
    assert {"log", "resp_decoder", "body_decoder", "err_decoder"} <= {a.alias for a in attrs.fields(CommsDecoder)}
    assert parameters(Templater._should_render_native) == ["self", "dag"]
    assert parameters(RuntimeTaskInstance.render_templates) == ["self", "context", "jinja_env"]
    assert hasattr(BaseDagBundle, "initialize")


def test_an_attempt_is_described_by_these_fields() -> None:
    assert {"ti", "ti_context", "start_date", "sentry_integration", "bundle_info", "dag_rel_path"} == set(
        StartupDetails.model_fields
    ) - {"type"}
    given = {"task", "bundle_instance", "max_tries", "start_date", "state", "sentry_integration"}
    assert given <= set(RuntimeTaskInstance.model_fields)
    assert "_ti_context_from_server" in {*RuntimeTaskInstance.model_fields, *RuntimeTaskInstance.__private_attributes__}
    built = inspect.getsource(task_runner.parse).partition("RuntimeTaskInstance.model_construct(")[2]
    for name in (*given, "_ti_context_from_server"):
        assert f"{name}=" in built, name


# --- the six requests ---------------------------------------------------------------------------------


def routes(router: Any) -> dict[tuple[str, str], APIRoute]:
    return {
        (method, route.path): route
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }


HANDLERS = {
    ("PATCH", "run"): (task_instances.ti_run, ["task_instance_id", "ti_run_payload", "response", "session", "dag_bag",
                                               "services", "token"]),
    ("PATCH", "state"): (task_instances.ti_update_state, ["task_instance_id", "ti_patch_payload", "session",
                                                          "dag_bag"]),
    ("PUT", "heartbeat"): (task_instances.ti_heartbeat, ["task_instance_id", "ti_payload", "session"]),
    ("PUT", "rtif"): (task_instances.ti_put_rtif, ["task_instance_id", "put_rtif_payload", "session"]),
}  # fmt: skip


@pytest.mark.parametrize("request_", HANDLERS, ids=lambda request_: request_[1])
def test_the_requests_of_an_attempt_about_itself_are_declared_as_the_short_path_takes_them(
    request_: tuple[str, str],
) -> None:
    method, last = request_
    handler, taken = HANDLERS[request_]
    route = routes(task_instances.ti_id_router)[(method, f"/{{task_instance_id}}/{last}")]
    short = fast_handlers.TASK_INSTANCE[request_]
    assert route.endpoint is handler
    assert route.status_code == short.status
    assert route.allowed_token_types == short.scopes  # type: ignore[attr-defined]
    assert parameters(handler) == taken
    assert [d.dependency for d in route.dependencies if d.dependency is not security.require_auth] in (
        [], [execution_app._extract_w3c_trace_context]
    )  # fmt: skip
    assert {s for d in route.dependencies for s in getattr(d, "scopes", [])} - {
        "token:execution",
        "token:workload",
    } == {"ti:self"}
    assert route.response_class.__class__.__name__ == "DefaultPlaceholder"


def test_there_is_a_short_path_for_these_and_no_other() -> None:
    assert set(HANDLERS) == set(fast_handlers.TASK_INSTANCE)


def test_the_bodies_are_the_models_of_the_handlers() -> None:
    run, state, heartbeat, _ = (inspect.signature(handler, eval_str=True) for handler, _ in HANDLERS.values())
    models = {key[1]: hot.body._type for key, hot in fast_handlers.TASK_INSTANCE.items()}
    assert run.parameters["ti_run_payload"].annotation.__origin__ is models["run"]
    assert heartbeat.parameters["ti_payload"].annotation is models["heartbeat"]
    # The annotation of the handler, but for the name of its discriminator.
    assert state.parameters["ti_patch_payload"].annotation.__origin__ == models["state"].__origin__
    assert models["state"].__origin__ == TIStateUpdate.__origin__  # type: ignore[attr-defined]


def test_what_run_answers_leaves_out_what_was_not_set() -> None:
    route = routes(task_instances.ti_id_router)[("PATCH", "/{task_instance_id}/run")]
    assert route.response_model_exclude_unset
    assert route.response_model is TIRunContext
    assert route.response_model_by_alias
    assert not route.response_model_exclude_none
    assert not route.response_model_exclude_defaults


@pytest.mark.parametrize(
    ("method", "handler", "taken"),
    [
        ("POST", xcoms.set_xcom, ["session", "value", "map_index", "dag_result", "mapped_length"]),
        ("GET", xcoms.get_xcom, ["session", "params"]),
    ],
)
def test_an_xcom_is_set_and_asked_for_as_the_short_path_does_it(
    method: str, handler: Callable[..., Any], taken: list[str]
) -> None:
    route = routes(xcoms.router)[(method, "/{dag_id}/{run_id}/{task_id}/{key:path}")]
    hot, options = fast_handlers.XCOM[method]
    assert route.endpoint is handler
    assert (route.status_code or 200) == hot.status
    assert getattr(route, "allowed_token_types", frozenset({"execution"})) == hot.scopes
    assert parameters(handler) == ["dag_id", "run_id", "task_id", "key", *taken]
    own = {d.dependency for d in route.dependencies} - {security.require_auth}
    assert own == {xcoms.has_xcom_access}
    assert options <= {*taken, *xcoms.GetXcomFilterParams.model_fields}


def test_what_else_is_asked_of_an_xcom_stands_below_its_key() -> None:
    asked = {path for method, path in routes(xcoms.router) if method == "GET"}
    one = "/{dag_id}/{run_id}/{task_id}/{key:path}"
    assert one in asked
    assert all(path.startswith(f"{one}/") for path in asked - {one})


def test_the_middleware_is_what_the_short_path_stands_in_for() -> None:
    """One copies the correlation id, one exchanges tokens that are soon too old, one finds the version."""
    application = execution_app.create_task_execution_api_app()
    assert [middleware.cls for middleware in application.user_middleware] == [
        execution_app.JWTReissueMiddleware, execution_app.CorrelationIdMiddleware, VersionPickingMiddleware
    ]  # fmt: skip
    assert application.versions.versions[0].value == max(version.value for version in application.versions.versions)
    assert application.router.api_version_parameter_name.lower() == "airflow-api-version"


def test_tokens_are_checked_and_described_like_this() -> None:
    assert parameters(JWTValidator.avalidated_claims)[:3] == ["self", "unvalidated", "required_claims"]
    assert {"id", "claims"} == set(TIToken.model_fields)
    assert "scope" in TIClaims.model_fields
    assert "app.state.svcs_registry = registry" in inspect.getsource(execution_app)
    assert callable(JWTGenerator.generate)
