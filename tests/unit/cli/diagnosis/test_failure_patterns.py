"""What an exception or a command's output is taken to mean."""

from __future__ import annotations

import pytest

from airfleet.cli.diagnosis import failure_patterns

EXIT = "AirflowException: Bash command failed. The command returned a non-zero exit code {}."


@pytest.mark.parametrize(
    ("exception", "sentence"),
    [
        ("ModuleNotFoundError: No module named 'pandas'", "the worker has no Python module 'pandas'"),
        (
            "ImportError: shop.steps:load cannot be imported: No module named 'shop'",
            "the worker has no Python module 'shop'",
        ),
        ("ImportError: cannot import name 'x' from 'shop.steps' (steps.py)", "module 'shop.steps' has no 'x'"),
        ("ImportError: shop.steps has no function 'laod'; did you mean 'load'?", "the module has no function 'laod'"),
        (
            "AirflowRuntimeError: API_SERVER_ERROR: {'reason': 'unmappable_return_value_length'}",
            "the task returned more values than one may be mapped over",
        ),
        ("AirflowNotFoundException: The conn_id `aws_eu` isn't defined", "there is no connection 'aws_eu'"),
        ("AirflowRuntimeError: Connection pg_main not found", "there is no connection 'pg_main'"),
        ("KeyError: 'Variable bucket does not exist'", "there is no Airflow variable 'bucket'"),
        (
            'XComNotFound: XComArg result from make at shop with key="rows" is not found!',
            "'make' left no output called 'rows'",
        ),
        (
            'XComNotFound: XComArg result from make at shop with key="return_value" is not found!',
            "a task that should have left an output left none",
        ),
        (EXIT.format(127), "the command was not found (exit code 127)"),
        (EXIT.format(126), "the command may not be executed (exit code 126)"),
        (EXIT.format(137), "the command was killed (exit code 137), most likely because memory ran out"),
        (EXIT.format(143), "the command was told to end (exit code 143)"),
        (EXIT.format(2), "the command ended with exit code 2"),
        ("AirflowTaskTimeout: Timeout, PID: 812", "the task took longer than it may"),
        ("AirflowSensorTimeout: Sensor has timed out", "the task took longer than it may"),
        ("ReadTimeout: timed out", "something did not answer in time"),
        ("MemoryError", "the task's process was killed, most likely because memory ran out"),
        (
            "FileNotFoundError: [Errno 2] No such file or directory: '/data/in.csv'",
            "there is no file /data/in.csv on the worker's host",
        ),
        ("PermissionError: [Errno 13] Permission denied: '/etc/shadow'", "the worker may not use /etc/shadow"),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        (
            "ConnectionRefusedError: [Errno 111] Connection refused",
            "nothing listens at the address that the task called",
        ),
        ("gaierror: [Errno -2] Name or service not known", "a host name could not be resolved"),
        (
            'OperationalError: FATAL: password authentication failed for user "etl"',
            "the database did not accept the password of 'etl'",
        ),
        ("HTTPStatusError: Client error '401 Unauthorized'", "the server did not accept the credentials"),
        ("ClientError: An error occurred (AccessDenied)", "the credentials do not allow this"),
        ("UndefinedError: 'ds' is undefined", "the run has no logical date, so a template cannot use 'ds'"),
        (
            "UndefinedError: 'custmer' is undefined",
            "a template uses 'custmer', which does not exist when the task runs",
        ),
        ("TemplateNotFound: load.sql", "the template file load.sql was not found"),
        ("TypeError: load() got an unexpected keyword argument 'pth'", "load has no argument 'pth'"),
        ("TypeError: load() missing 1 required positional argument: 'path'", "load was called without 'path'"),
        ("AssertionError: 3 rows expected", "a check in the task's own code was not met: 3 rows expected"),
        ("AssertionError", "a check in the task's own code was not met: assert"),
        ("KeyError: 'price'", "the task's code looked for 'price' where it is not"),
    ],
)
def test_an_exception_and_its_likely_cause(exception: str, sentence: str) -> None:
    cause = failure_patterns.likely(exception)
    assert cause is not None
    assert cause.sentence == sentence


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("/usr/bin/bash: line 1: frobnicate: command not found", "the command 'frobnicate' was not found"),
        ("sh: 1: jq: not found", "the command 'jq' was not found"),
        ("ModuleNotFoundError: No module named 'boto3'", "Python has no module 'boto3' there"),
        ("cat: in.csv: No such file or directory", "there is no file in.csv on the worker's host"),
        ("bash: ./run.sh: Permission denied", "the worker may not use ./run.sh"),
        ("curl: (6) Could not resolve host: exampel.com", "the host name exampel.com could not be resolved"),
    ],
)
def test_what_a_command_printed_says_more_than_its_exit_code(line: str, sentence: str) -> None:
    cause = failure_patterns.likely(EXIT.format(1), ["starting", line, "Command exited with return code 1"])
    assert cause is not None
    assert cause.sentence == sentence


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("x.TriggerBlocks: This trigger has blocked the event loop of all triggers for 20 s at /p/t.py:7 in run",
         "its trigger blocked the event loop that all triggers share (/p/t.py:7)"),
        ("It has blocked the process of all triggers, which had to be killed",
         "its trigger blocked the event loop that all triggers share"),
        ("The process of all triggers has ended while it ran (SIGSEGV)",
         "its trigger ended the process that all triggers share (SIGSEGV)"),
        ("x: The trigger wanted to end the process of all triggers: SystemExit(3)",
         "its trigger ended the process that all triggers share (SystemExit(3))"),
        ("ValueError: The event of this trigger cannot be passed on: too long",
         "the event of its trigger cannot be passed on: too long"),
        ("nothing that is known", "the trigger that the task waited for has failed"),
    ],
)  # fmt: skip
def test_what_its_trigger_said_is_why_a_task_failed(line: str, sentence: str) -> None:
    found = failure_patterns.likely(
        "TaskDeferralError: Trigger failure", ["Trigger failed:", line, "Task failed with exception"]
    )
    assert found is not None
    assert found.sentence == sentence


def test_no_more_is_said_of_a_long_line_of_a_trigger_than_of_any_other() -> None:
    line = f"The trigger wanted to end the process of all triggers: SystemExit('{'x' * 20_000}')"
    found = failure_patterns.likely("TaskDeferralError: Trigger failure", ["Trigger failed:", line])
    assert found is not None
    assert found.sentence.startswith("its trigger ended the process that all triggers share (SystemExit('xxx")
    assert len(found.sentence) < failure_patterns.LONGEST + 100


def test_a_process_that_was_killed_says_nothing_and_airflow_does() -> None:
    found = failure_patterns.likely(
        "", ["Process terminated by signal. Likely out of memory error (OOM). For more information,"]
    )
    assert found is not None
    assert found.sentence == "the task's process was killed (SIGKILL), most likely because memory ran out"


def test_a_clear_exception_is_not_overruled_by_what_was_printed() -> None:
    cause = failure_patterns.likely("KeyError: 'price'", ["cat: in.csv: No such file or directory"])
    assert cause is not None
    assert cause.sentence == "the task's code looked for 'price' where it is not"


@pytest.mark.parametrize("exception", ["", "ValueError: boom", "CustomError: {0} weird braces"])
def test_what_is_not_recognised_gets_no_guess(exception: str) -> None:
    assert failure_patterns.likely(exception) is None


def test_braces_in_what_failed_do_no_harm() -> None:
    cause = failure_patterns.likely("KeyError: '{price}'")
    assert cause is not None
    assert cause.sentence == "the task's code looked for '{price}' where it is not"
