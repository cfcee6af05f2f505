"""The files that a parse took in beside the pipeline file itself, told by the process that parsed it. [A]

A pipeline takes in shared files (``defaults.yaml``, ``include``) and the texts of others (``$f``). The process that
parses it writes their stamps into memory that it shares with the dag-processor, which looks at them from then on.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Mapping
from typing import Final

from airfleet.file_stamps import Stamp

#: bytes of the stamps of one pipeline file, some thousand files; those beyond are not looked at
MOST_BYTES: Final = 1_000_000
_LENGTH: Final = 4


class TakenIn:
    """The memory of one process, forked after this is made, or given its descriptor."""

    def __init__(self, descriptor: int = -1) -> None:
        self._memory = mmap.mmap(descriptor, MOST_BYTES)

    def tell(self, stamps: Mapping[str, Stamp | None]) -> None:
        """Write the stamps of files, by path; of a file that is not there, it is None."""
        some = list(stamps.items())
        while len(written := json.dumps(some).encode()) > MOST_BYTES - _LENGTH:
            some = some[: len(some) // 2]
        self._memory[_LENGTH : _LENGTH + len(written)] = written
        self._memory[:_LENGTH] = len(written).to_bytes(_LENGTH)

    def told(self) -> dict[str, Stamp | None] | None:
        """Read what the process has told; None for nothing, as when it was killed."""
        length = int.from_bytes(self._memory[:_LENGTH])
        if length == 0:
            return None
        found = json.loads(self._memory[_LENGTH : _LENGTH + length])
        return {path: None if seen is None else (seen[0], seen[1], seen[2]) for path, seen in found}
