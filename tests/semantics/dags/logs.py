"""Everything that a task can write, and what its log shows of it."""

# ruff: noqa: LOG015, PLE1206
from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
import warnings
from datetime import datetime
from pathlib import Path

import structlog
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, BaseHook, BaseOperator, Variable, task
from airflow.sdk.log import mask_secret
from semantics_witness import tell

log = logging.getLogger(__name__)


class Own(BaseOperator):
    def execute(self, context):
        self.log.info("by the operator's logger")
        self.log.debug("not shown")
        context["ti"].log.info("by the task instance's logger")
        context["task"].log.warning("by the task's logger")


with DAG("logs", schedule=None, start_date=datetime(2026, 1, 1)):

    @task
    def levels():
        for level in ("debug", "info", "warning", "error", "critical"):
            getattr(log, level)("at %s", level)
        log.log(25, "at 25")
        log.info("two\nlines")
        log.info("with values: %s %d %r", "text", 5, {"a": 1})
        log.info("with extra", extra={"more": "said"})
        logging.info("by the root")
        logging.getLogger("airflow.task").info("by airflow.task")
        logging.getLogger("there.is.no.such.module").warning("by a stranger")
        try:
            raise ValueError("caught")
        except ValueError:
            log.exception("with its error")

    @task
    def stacks():
        log.info("with a stack", stack_info=True)
        log.info("wrong %s %s", "arguments")

    @task
    def structured():
        structlog.get_logger("own").info("an event", number=5, words=["a"], text="ü")
        structlog.get_logger().warning("another")

    @task
    def streams():
        print("to stdout")
        print("to stderr", file=sys.stderr)
        print("several", "words", sep="-", end="|\n")
        print("no end of line", end="")
        print()
        sys.stdout.write("written\nin two lines\n")
        sys.stdout.flush()
        os.write(1, b"by descriptor\n")
        os.write(2, b"by descriptor 2\n")
        os.write(1, b"not \xff\xfe UTF-8\n")
        print("ü ☃ 𝄞")
        print("\x1b[31mred\x1b[0m")
        print("10 %\r50 %\r100 %")
        print("a\0b")
        print()
        print("   indented\ttab")
        print("::group::own group")
        print("inside")
        print("::endgroup::")
        print('{"event": "looks like an entry", "level": "error"}')
        print("last, without end", end="", flush=True)

    @task
    def children():
        subprocess.run(["sh", "-c", "echo child; echo child err >&2; printf 'half a line'"], check=True)

    @task
    def threads():
        def writes():
            print("printed in a thread")
            log.info("logged in a thread")

        thread = threading.Thread(target=writes)
        thread.start()
        thread.join()
        broken = threading.Thread(target=lambda: 1 / 0)
        broken.start()
        broken.join()

    @task
    def warns():
        warnings.warn("user's", UserWarning, stacklevel=1)
        warnings.warn("deprecated", DeprecationWarning, stacklevel=1)
        warnings.warn("future", FutureWarning, stacklevel=1)

    @task
    def many_lines():
        for number in range(20_000):
            print(f"line {number} of many")
        for number in range(2_000):
            log.info("logged %d", number)

    @task
    def long_line():
        print("x" * 300_000)
        log.info("y" * 100_000)

    @task
    def configures():
        logging.basicConfig(level=logging.DEBUG, force=True)
        log.info("after basicConfig")
        logging.getLogger().debug("debug after basicConfig")
        print("printed after basicConfig")

    @task
    def own_handler(folder="/tmp"):
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(logging.Formatter("own: %(message)s"))
        own = logging.getLogger("with.a.handler")
        own.addHandler(handler)
        own.setLevel(logging.DEBUG)
        own.info("through both")
        own.propagate = False
        own.debug("through its own only")

    @task
    def redirects():
        import contextlib
        import io

        kept = io.StringIO()
        with contextlib.redirect_stdout(kept):
            print("kept")
        sys.stdout, before = sys.stderr, sys.stdout
        print("to the other stream")
        sys.stdout = before
        return kept.getvalue()

    @task
    def closes():
        print("before the end", flush=True)
        os.close(1)
        os.close(2)
        return "closed both"

    @task
    def says_little():
        pass

    @task
    def returns_much():
        return "z" * 5000

    levels(), stacks(), structured(), streams(), children(), threads(), warns(), many_lines(), long_line(), configures()
    own_handler(), redirects(), closes(), says_little(), returns_much()
    Own(task_id="own")

with DAG("masking", schedule=None, start_date=datetime(2026, 1, 1)):

    @task
    def variable():
        value = Variable.get("semantics_password")
        print("printed", value)
        log.info("logged %s", value)
        print("printed to stderr", value, file=sys.stderr)
        os.write(1, f"by descriptor {value}\n".encode())
        subprocess.run(["sh", "-c", f"echo by a child {value}"], check=True)
        return f"returned {value}"

    @task
    def connection():
        given = BaseHook.get_connection("semantics_connection")
        print(given.password, given.get_uri(), given.extra)
        log.info("%s", {"password": given.password, "host": given.host})
        return given.get_uri()

    @task
    def by_hand():
        mask_secret("whispered-words")
        print("now whispered-words are hidden")
        log.warning("and whispered-words here")
        return {"password": "shown?", "words": "whispered-words"}

    @task
    def in_error():
        raise ValueError(f"it is {Variable.get('semantics_password')}")

    @task
    def in_arguments(text, settings=None):
        print(text, settings)

    @task
    def by_name():
        log.info("%s", {"password": "by its name", "user": "me", "nested": {"api_key": "by its name, too"}})
        print({"password": "printed, not hidden"})

    variable(), connection(), by_hand(), in_error(), by_name()
    in_arguments(
        "{{ var.value.semantics_password }}",
        {"token": "given-token", "plain": "{{ conn.semantics_connection.password }}"},
    )
    BashOperator(
        task_id="shell", bash_command="echo $SECRET; echo {{ var.value.semantics_password }}",
        env={"SECRET": "{{ var.value.semantics_password }}"}, append_env=True,
    )  # fmt: skip

with DAG("logs_live", schedule=None, start_date=datetime(2026, 1, 1)):

    @task
    def writes_slowly():
        go = Path(os.environ["SEMANTICS_WITNESS"])
        for number in range(1, 4):
            print(f"part {number}", flush=True)
            log.info("logged part %d", number)
            tell("logs_live", f"wrote part {number}")
            while not (go / f"logs_live_seen_{number}").exists():
                time.sleep(0.05)
        print("the end")

    writes_slowly()
