"""Every difference between stock Airflow and a fleet that is meant; docs/explanation/semantics.md says the same."""

from __future__ import annotations

import re

from semantics.comparing import Decision

_LOADED_BEFORE = (
    "A task's log does not hold what Airflow says while it reads a Dag file, because the file was read before the task "
    "began. (A file that prints or logs something itself is read again by every task, whose log shows it.)"
)
_CELERY_S_HANDLERS = (
    "A task's process has no signal handlers of Celery: SIGHUP, SIGQUIT and SIGUSR1 end it, as they end any program."
)
_CELERY_S_CHILD = (
    "A task is no child of a Celery process: it may start processes by `multiprocessing`, inherits fewer descriptors, "
    "none of Celery's variables, warning filters and hooks, and has another command line and call stack below it."
)
_PROJECT = "The project's folder is on `sys.path`, so that Dags find the modules in it."
_EXECUTOR = "The executor is airfleet's, and a message of the scheduler names it."
_EXECUTOR_S_NAME = r" Executor (Celery|Fleet)Executor\("
_PARSED = re.compile(r"^info\*? Worker startup parse complete ")
_RESOLVING = re.compile(r"^error\*? Failed to resolve template field ")
_PARSED_OR_KILLED = re.compile(rf"{_PARSED.pattern}|^error Task killed!$")
_LAST_WORDS = (
    'A race in Airflow itself decides whether the log of a task that somebody ended says "Task killed!": between the '
    "task's process and the reader of its output."
)
_LATE_CALL = (
    "A race in Airflow itself decides whether a task that is ended because its run took too long calls its own "
    "callback first: the program that it waits for ends by the same signal."
)
_KILLED = (
    "The callbacks of an attempt that was killed (by a signal, `os._exit`, a lack of memory) are called after the last "
    'try, too. The audit log says "state mismatch" then, and listeners hear of the failure from the scheduler.'
)
_KILLED_ONE = r"^state mismatch (abort|os_exit_3|exits|SIG(ABRT|HUP|INT|KILL|SEGV|USR1|USR2)) try \d$"
_CRASHES = "A task that crashes (SIGSEGV) ends and has failed: its process has no handler of Airflow's for this signal."
_CRASHED_OR_KILLED = re.compile(rf"{_KILLED_ONE}|^(running|success|failed) SIGSEGV try \d$")
_UTF8 = (
    "Python is in UTF-8 mode in every process of a fleet (`PYTHONUTF8=1`): files that are opened without an encoding "
    "are UTF-8 in any locale."
)

DECISIONS: tuple[Decision, ...] = (
    Decision(
        re.compile(r"/log/airflow\.dag_processing\.(bundles\.manager\.DagBundlesManager|dagbag\.)"), _LOADED_BEFORE
    ),
    Decision(re.compile(r"/log/task$"), _LOADED_BEFORE, lines=_PARSED),
    Decision(re.compile(r"^killed_.*/log/task$"), _LAST_WORDS, lines=_PARSED_OR_KILLED),
    Decision(re.compile(r"/log/airflow\.sdk\.definitions\._internal\.templater$"), _LOADED_BEFORE, lines=_RESOLVING),
    Decision(re.compile(r"^exits_by_signal/tasks/(SIGHUP|SIGUSR1)/tries/1/log/task$"), _CELERY_S_HANDLERS),
    Decision(
        re.compile(
            r"^environment/xcoms/(signals\.return_value/SIG(HUP|QUIT|USR1)|changes\[\d\]\.return_value/signal)$"
        ),
        _CELERY_S_HANDLERS,
    ),
    Decision(re.compile(r"^(exits|callbacks_of_tasks)/audit$"), _KILLED, lines=re.compile(_KILLED_ONE)),
    Decision(re.compile(r"^witness$"), _KILLED, lines=re.compile(r"^on_failure exits try 1 ")),
    Decision(re.compile(r"^exits_(by_signal|with_retries)/audit$"), _CRASHES, lines=_CRASHED_OR_KILLED),
    Decision(re.compile(r"^exits_(by_signal|with_retries)/tasks/SIGSEGV/"), _CRASHES),
    Decision(
        re.compile(r"^witness$"),
        _CRASHES,
        lines=re.compile(rf"{_EXECUTOR_S_NAME}|^listener (running|success) SIGSEGV "),
    ),
    Decision(re.compile(r"^environment/xcoms/signals\.return_value/SIGSEGV$"), _CRASHES),
    Decision(
        re.compile(r"^environment/(tasks/streams/.*PythonDecoratedOperator|xcoms/streams\.return_value/std(out|err))$"),
        _UTF8,
        words=re.compile(r"\b(UTF|utf)-8\b"),
    ),
    Decision(
        re.compile(r"^environment/xcoms/python\.return_value/flags$"), _UTF8, words=re.compile(r"\butf8_mode=[01]\b")
    ),
    Decision(re.compile(r"^environment/xcoms/open_descriptors\."), _CELERY_S_CHILD),
    Decision(
        re.compile(r"^environment/xcoms/python\.return_value/(argv|excepthook|start method|warnings)$"), _CELERY_S_CHILD
    ),
    Decision(
        re.compile(r"^environment/xcoms/variables\.return_value/more/(CELERY_LOG_LEVEL|_MP_FORK_)"), _CELERY_S_CHILD
    ),
    Decision(
        re.compile(r"^environment/xcoms/python\.return_value/path$"),
        _PROJECT,
        lines=re.compile("^<(start|repository|python>/bin)"),
    ),
    # The same values, as the operator logs what a task returned.
    Decision(
        re.compile(
            r"^environment/tasks/(changes\[\d\]|open_descriptors|python|signals|variables)/.*PythonDecoratedOperator$"
        ),
        _CELERY_S_CHILD,
    ),
    Decision(re.compile(r"^leftovers/(audit$|tasks/pools/|xcoms/pools\.)"), _CELERY_S_CHILD),
    Decision(re.compile(r"^logs/tasks/stacks/"), _CELERY_S_CHILD),
    Decision(re.compile(r"^witness$"), _LATE_CALL, lines=re.compile(r"^on_failure too_long ")),
    Decision(re.compile(r"^[^/]*/witness$|^witness$"), _EXECUTOR, lines=re.compile(_EXECUTOR_S_NAME)),
)
