"""The incarnation of a host, written down at each renewal of its lease, for the heir of an agent that died.

As long as the lease holds, nobody else may have taken the host over: its attempts may go on, known by the same name.
After a restart of the machine nothing is left to go on with, and the moments of the one before mean nothing.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from airfleet.system import machine_id as machine


@dataclass(frozen=True)
class Incarnation:
    """One life of a host's agents: its name, the last renewal of its lease, and the machine's boot id."""

    boot: str
    #: seconds since the machine started
    renewed_at: float
    machine: str

    @property
    def is_of_this_machine(self) -> bool:
        """Tell whether the machine has not been booted again since."""
        return self.machine == machine.boot_id()


def of_now(boot: str, renewed_at: float) -> Incarnation:
    """Make an incarnation on the machine as it was booted last."""
    return Incarnation(boot, renewed_at, machine.boot_id())


def write_down(path: Path, made: Incarnation) -> None:
    """Write an incarnation down. On a full disk none is kept: then an agent that dies has no heir."""
    draft = path.with_suffix(".new")
    with suppress(OSError):
        draft.write_text(json.dumps({**asdict(made), "place": machine.place_of(path.parent)}))
        os.replace(draft, path)


def read_down(path: Path) -> Incarnation | None:
    """Read what was kept; None for a file that is missing, unreadable, or copied from another home."""
    try:
        found = json.loads(path.read_text())
        if found["place"] != machine.place_of(path.parent):
            return None
        return Incarnation(str(found["boot"]), float(found["renewed_at"]), str(found["machine"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def forget(path: Path) -> None:
    """Remove the file of an incarnation that has ended in good order."""
    path.unlink(missing_ok=True)
