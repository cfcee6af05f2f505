"""The bundle for a report: texts in a compressed archive, each of them redacted."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Collection, Mapping
from pathlib import Path

from airfleet.doctor.redaction import redacted

#: bytes of the end of each log
LOG_BYTES = 64 * 1024
#: the folder in the archive
_FOLDER = "airfleet-doctor"


def write(file: Path, texts: Mapping[str, str], known: Collection[str], seconds: float) -> None:
    """Write an archive of mode 0600 with all texts, redacted; ``seconds`` is the time of its entries.

    Raises OSError; a file that is there is not overwritten.
    """
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as there, tarfile.open(fileobj=there, mode="w:gz") as archive:
        for name, text in texts.items():
            data = redacted(text, known).encode(errors="replace")
            entry = tarfile.TarInfo(f"{_FOLDER}/{name}")
            entry.size, entry.mode, entry.mtime = len(data), 0o600, int(seconds)
            archive.addfile(entry, io.BytesIO(data))


def log_ends(folder: Path) -> dict[str, str]:
    """Read the end of each log of a folder: ``logs/NAME`` -> text."""
    return {f"logs/{log.name}": _end(log) for log in sorted(folder.glob("*.log"))}


def _end(log: Path) -> str:
    try:
        with log.open("rb") as there:
            there.seek(max(0, log.stat().st_size - LOG_BYTES))
            text = there.read(LOG_BYTES).decode(errors="replace")
    except OSError as gone:
        return f"it cannot be read: {gone}"
    # The first line may have lost its beginning, and with it the name of what follows.
    return text.partition("\n")[2] if len(text) >= LOG_BYTES else text
