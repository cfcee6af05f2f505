"""Python's debugger for tasks of a local run, in the terminal of who started it."""

from __future__ import annotations

import bdb
import os
import pdb  # noqa: T100 - the debugger is what is wanted here
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any, TextIO


@dataclass(frozen=True)
class Debugger:
    """The terminal, as two streams."""

    input: TextIO
    output: TextIO

    @classmethod
    def of(cls, terminal: Mapping[str, int] | None) -> Debugger | None:
        """Make the terminal with these descriptors this process's input, and open a debugger there at breakpoints."""
        if terminal is None:
            return None
        os.dup2(terminal["input"], 0)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - it lives as long as the process
        made = cls(sys.stdin, open(terminal["output"], "w", closefd=False, buffering=1))  # noqa: SIM115
        sys.breakpointhook = made.stop
        return made

    def own_output(self) -> int:
        """Give a new descriptor of the terminal, for the output of a task."""
        return os.dup(self.output.fileno())

    def stop(self, *_args: Any, **_kwargs: Any) -> None:
        """Stop at ``breakpoint()`` in a task's code."""
        frame: FrameType | None = sys._getframe(1)
        self._pdb().set_trace(frame)

    def post_mortem(self, task: str, error: BaseException) -> None:
        """Show where a task failed."""
        if error.__traceback__ is None or isinstance(error, bdb.BdbQuit):  # a debugger was left just now
            return
        print(f"\ntask '{task}' failed: {type(error).__name__}: {error}", file=self.output)
        print("'q' goes on with the run", file=self.output)
        debugger = self._pdb()
        debugger.reset()
        debugger.interaction(None, error.__traceback__)

    def _pdb(self) -> pdb.Pdb:
        # Streams that are a terminal are left to Python, which then edits lines and completes names.
        if self.input.isatty():
            return pdb.Pdb()
        return pdb.Pdb(stdin=self.input, stdout=self.output)
