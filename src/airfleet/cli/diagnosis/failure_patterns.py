"""Likely causes of exceptions of tasks, and what to do about them.

A table of patterns, tried in order on ``ExceptionType: message`` and, for commands, on the last
lines of the log. A failure that no pattern knows gets no guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from re import Match

from airfleet import trigger_failures
from airfleet.cli.output import airflow_messages
from airfleet.fleet.config.spec import LOCAL
from airfleet.trigger_failures import TriggerFailure, TriggerFault


@dataclass(frozen=True)
class FailureCause:
    """Why it failed, as a sentence, and what to do about it."""

    sentence: str
    advice: str = ""


#: Of a longer text, beginning and end say what there is to say; patterns would look at the rest for minutes.
LONGEST = 1_000

Explain = Callable[[Match[str]], FailureCause]


def likely(exception: str, lines: Sequence[str] = ()) -> FailureCause | None:
    """Return the likely cause of ``exception`` (``Type: message``), with the log's last lines as witness."""
    if len(exception) > 2 * LONGEST:
        exception = f"{exception[:LONGEST]} … {exception[-LONGEST:]}"
    for pattern, explain in EXCEPTIONS:
        match = re.search(pattern, exception, re.IGNORECASE | re.DOTALL)
        if match:
            return _sharper(explain(match), exception, lines)
    return _in_lines(lines) if not exception else None


def missing_dag(hostname: str, folder: str, file: str) -> FailureCause:
    """Say that a worker did not find the Dag of its task, and what to do; ``hostname`` is that of the attempt."""
    host = hostname.rpartition(".")[0] or hostname
    where = "the host of the worker" if host in ("", LOCAL) else f"host '{host}'"
    return FailureCause(
        f"{where} has no {folder}/{file}, or that file is another one there and has not got the Dag",
        "bring the file there: the worker looks again each minute, three times (airflow: {workers: "
        "{missing_dag_retries: 3}})",
    )


def _sharper(cause: FailureCause, exception: str, lines: Sequence[str]) -> FailureCause:
    """Prefer what was printed: a command only has an exit code, and a trigger only has failed."""
    if airflow_messages.EXIT_CODE not in exception and airflow_messages.TRIGGER_FAILED not in exception:
        return cause
    return _in_lines(lines) or cause


def _in_lines(lines: Sequence[str]) -> FailureCause | None:
    for line in (whole[:LONGEST] for whole in reversed(lines)):
        if failure := trigger_failures.read(line):
            return of_trigger(failure)
        for pattern, explain in OUTPUT:
            match = re.search(pattern, line)
            if match:
                return explain(match)
    return None


def of_trigger(failure: TriggerFailure) -> FailureCause:
    """Explain why a trigger that harmed the others failed."""
    match failure.fault:
        case TriggerFault.BLOCKED_LOOP | TriggerFault.BLOCKED_PROCESS:
            place = re.search(r" at (\S+)", failure.detail)
            return FailureCause(
                "its trigger blocked the event loop that all triggers share" + (f" ({place[1]})" if place else ""),
                "await what the trigger waits for; what cannot be awaited belongs into asyncio.to_thread",
            )
        case TriggerFault.ENDED_PROCESS | TriggerFault.WANTED_TO_END_PROCESS:
            return FailureCause(
                f"its trigger ended the process that all triggers share ({failure.detail})",
                "a trigger ends by its event or by an exception",
            )
        case TriggerFault.EVENT_NOT_PASSED_ON | TriggerFault.EVENT_NOT_STORED:
            was = "passed on" if failure.fault is TriggerFault.EVENT_NOT_PASSED_ON else "stored"
            return FailureCause(
                f"the event of its trigger cannot be {was}: {failure.detail}",
                "an event holds text, numbers, lists and mappings",
            )


def _says(sentence: str, advice: str = "") -> Explain:
    return lambda match: FailureCause(
        sentence.format(*match.groups(), **match.groupdict()), advice.format(*match.groups(), **match.groupdict())
    )


def _exit_code(match: Match[str]) -> FailureCause:
    code = int(match[1])
    if code == 127:
        return FailureCause("the command was not found (exit code 127)", "install it on the host of the worker")
    if code == 126:
        return FailureCause("the command may not be executed (exit code 126)", "chmod +x the script")
    if code == 124:
        return FailureCause("the command ran into a time limit (exit code 124)")
    if code == 137:
        return FailureCause("the command was killed (exit code 137), most likely because memory ran out", MEMORY_ADVICE)
    if code == 143:
        return FailureCause("the command was told to end (exit code 143)", "somebody stopped the task or the worker")
    return FailureCause(f"the command ended with exit code {code}", "its output above says why")


MEMORY_ADVICE = "give the host or the worker (memory:) more memory, or the worker fewer slots in fleet.yaml"
MISSING = f"(?:{airflow_messages.NO_CONNECTION}|was not found|not found|{airflow_messages.NO_VARIABLE}|doesn't exist)"
REACH_ADVICE = "is the server running, and are host and port of the connection right?"

EXCEPTIONS: tuple[tuple[str, Explain], ...] = (
    (
        r"No module named '([^']+)'",
        _says(
            "the worker has no Python module '{0}'",
            "install it into the fleet's environment, or put it beside pipelines/ in the project",
        ),
    ),
    (
        airflow_messages.TOO_MANY_TO_MAP,
        _says(
            "the task returned more values than one may be mapped over",
            "raise it in fleet.yaml, 'airflow: {{core: {{max_map_length: 5000}}}}', then airfleet down and airfleet up",
        ),
    ),
    (
        r"cannot import name '([^']+)' from '([^']+)'",
        _says("module '{1}' has no '{0}'", "is another version of it installed than the task expects?"),
    ),
    (r"has no function '([^']+)'", _says("the module has no function '{0}'", "airfleet check")),
    (
        rf"conn(?:ection|_id)?\W+[`'\"]?([\w.-]+)[`'\"]? {MISSING}",
        _says(
            "there is no connection '{0}'",
            "define it in the UI under Admin, Connections, or as AIRFLOW_CONN_<ID> under env: in fleet.yaml",
        ),
    ),
    (
        rf"variable\W+[`'\"]?([\w.-]+)[`'\"]? {MISSING}",
        _says(
            "there is no Airflow variable '{0}'",
            "define it in the UI under Admin, Variables, or as AIRFLOW_VAR_<NAME> under env: in fleet.yaml",
        ),
    ),
    (rf"{airflow_messages.EXIT_CODE} (\d+)", _exit_code),
    (
        rf"TaskDeferralError: {airflow_messages.TRIGGER_FAILED}",
        _says("the trigger that the task waited for has failed", "the lines above say of what"),
    ),
    (
        r"TaskTimeout|execution_timeout|DeferralTimeout|SensorTimeout|Timeout, PID",
        _says("the task took longer than it may", "raise execution_timeout (or the sensor's timeout) of the task"),
    ),
    (r"TimeoutError|timed out|ReadTimeout|ConnectTimeout", _says("something did not answer in time", REACH_ADVICE)),
    (
        r"MemoryError|Cannot allocate memory|OutOfMemory|signal 9|SIGKILL|exit code -9|Negsignal\.SIGKILL",
        _says("the task's process was killed, most likely because memory ran out", MEMORY_ADVICE),
    ),
    (
        r"SIGTERM|exit code -15|signal 15",
        _says("the task was told to end while it ran", "somebody stopped it or its worker"),
    ),
    (
        r"heartbeat (?:timeout|was not)|failed heartbeat|missed heartbeats|zombie",
        _says("the task's process or its worker died without a word", "airfleet status; airfleet logs worker"),
    ),
    (r"No space left on device", _says("the disk is full", "df -h; remove what is not needed")),
    (
        r"FileNotFoundError.*No such file or directory: '?([^'\n]+)'?",
        _says(
            "there is no file {0} on the worker's host",
            "relative paths begin where the worker was started; write whole ones",
        ),
    ),
    (r"PermissionError.*Permission denied: '?([^'\n]+)'?", _says("the worker may not use {0}", "ls -l {0}")),
    (
        r"Connection refused|ConnectionRefused",
        _says("nothing listens at the address that the task called", REACH_ADVICE),
    ),
    (
        r"Name or service not known|Temporary failure in name resolution|getaddrinfo|gaierror",
        _says("a host name could not be resolved", "is the host of the connection written correctly?"),
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError",
        _says("the server's certificate was not accepted", "is its authority known on the worker's host?"),
    ),
    (
        r"\b(?:401|Unauthorized)\b",
        _says("the server did not accept the credentials", "check the connection's login and password"),
    ),
    (
        r"\b(?:403|Forbidden|AccessDenied)\b",
        _says("the credentials do not allow this", "check the rights of the account"),
    ),
    (
        r"password authentication failed for user \"?([^\"\n]+)\"?",
        _says("the database did not accept the password of '{0}'", "check the connection's login and password"),
    ),
    (
        r"UndefinedError: '?(ds|ds_nodash|ts\w*|logical_date|data_interval_\w+)'? is undefined",
        _says(
            "the run has no logical date, so a template cannot use '{0}'",
            "airfleet trigger gives a run one",
        ),
    ),
    (
        r"UndefinedError: '?([\w.]+)'? is undefined",
        _says(
            "a template uses '{0}', which does not exist when the task runs", "airfleet show FILE; check the $t texts"
        ),
    ),
    (
        r"TemplateNotFound: ?(\S+)",
        _says("the template file {0} was not found", "write the path from the folder of the pipeline"),
    ),
    (
        r"(\w+)\(\) got an unexpected keyword argument '([^']+)'",
        _says("{0} has no argument '{1}'", "compare with: of the task with the function"),
    ),
    (
        r"(\w+)\(\) missing \d+ required .*arguments?: (.+)",
        _says("{0} was called without {1}", "add it to with: of the task"),
    ),
    (
        rf"XComNotFound: {airflow_messages.NO_OUTPUT}(\S+) at \S+ with key=[\"'](?!return_value)([^\"']+)[\"']",
        _says(
            "'{0}' left no output called '{1}'",
            "write multiple_outputs: true at '{0}', so that each key of the mapping it returns is an output",
        ),
    ),
    (
        r"XComNotFound|XCom .*not found",
        _says("a task that should have left an output left none", "does the task before it return a value?"),
    ),
    (
        r"AssertionError(?:: (.+))?",
        lambda match: FailureCause(f"a check in the task's own code was not met: {match[1] or 'assert'}"),
    ),
    (r"KeyError: '?([^'\n]+)'?", _says("the task's code looked for '{0}' where it is not")),
    (r"SyntaxError|IndentationError", _says("the Python code that the task imports is not valid Python")),
)

OUTPUT: tuple[tuple[str, Explain], ...] = (
    (
        re.escape(f"{airflow_messages.KILLED} {airflow_messages.OUT_OF_MEMORY}"),
        _says("the task's process was killed (SIGKILL), most likely because memory ran out", MEMORY_ADVICE),
    ),
    (
        r"(?:line \d+: |sh: (?:\d+: )?|: )?([\w./-]+): (?:command )?not found",
        _says("the command '{0}' was not found", "install it on the host of the worker, or write its whole path"),
    ),
    (
        r"No module named '?([\w.]+)'?",
        _says("Python has no module '{0}' there", "install it on the host of the worker"),
    ),
    (
        r"([^\s:]+): No such file or directory",
        _says("there is no file {0} on the worker's host", "tasks start in a folder of their own; write whole paths"),
    ),
    (r"([^\s:]+): Permission denied", _says("the worker may not use {0}", "ls -l {0}")),
    (r"No space left on device", _says("the disk is full", "df -h; remove what is not needed")),
    (r"Could not resolve host: (\S+)", _says("the host name {0} could not be resolved")),
    (r"Connection refused", _says("nothing listens at the address that the command called", REACH_ADVICE)),
    (
        r"(?:Out of memory|Killed|Cannot allocate memory)",
        _says("the command was killed, most likely because memory ran out", MEMORY_ADVICE),
    ),
)
