"""Messages of Airflow by which logs and exceptions of tasks are understood.

Airflow gives no code for these events, so their text is all there is. ``tests/conformance`` holds each text against the
module of Airflow that writes it.
"""

from __future__ import annotations

from typing import Final

#: an attempt on a worker that has not got the Dag of its task; ``path`` beside it names the file
NO_DAG: Final = "Dag not found during start up"
#: an attempt whose code called ``sys.exit``; ``exit_code`` stands beside it
EXITED: Final = "Task exited"
#: an attempt whose process got SIGKILL
KILLED: Final = "Process terminated by signal."
OUT_OF_MEMORY: Final = "Likely out of memory"
#: a task whose trigger raised
TRIGGER_FAILED: Final = "Trigger failure"
#: a command of a BashOperator
EXIT_CODE: Final = "returned a non-zero exit code"
#: a task that returned more than ``[core] max_map_length`` values to a mapped one
TOO_MANY_TO_MAP: Final = "unmappable_return_value_length"
#: an output that was asked for and is not there, before task, Dag and key
NO_OUTPUT: Final = "XComArg result from "
#: a connection that is nowhere, after its id
NO_CONNECTION: Final = "isn't defined"
#: a Variable that is nowhere, after its key
NO_VARIABLE: Final = "does not exist"

#: lines that every task's log has, whatever the task does
ROUTINE: Final = (
    "::group::",
    "::endgroup::",
    "DAG bundles loaded",
    "Filling up the DagBag",
    "Worker startup parse complete",
    "Tmp dir root location",
    "Done. Returned value was",
)
#: names of scheduling checks whose reasons other findings say better
CHECKS_SAID_OTHERWISE: Final = frozenset({"Dag Not Paused", "Dagrun Running", "Trigger Rule", "Task Instance State"})
