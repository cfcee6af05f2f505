"""Where the project of a pipeline file begins, and what is in a file."""

from __future__ import annotations

import errno
import io
import os
import re
import stat
import tokenize
from pathlib import Path
from typing import Final

from airfleet.errors import Place, Problem
from airfleet.problem_codes import Code
from airfleet.releases.places import MANIFEST

SUFFIXES: Final = (".yaml", ".yml")
FLEET_FILE: Final = "fleet.yaml"
#: the file whose parts every pipeline in its folder and below takes in
DEFAULTS_FILE: Final = "defaults.yaml"
#: endings of files with tests of pipelines
TEST_SUFFIXES: Final = (".test.yaml", ".test.yml")
#: Megabytes of a file that is read: far above what anybody writes, and no danger for the memory.
MAX_MEGABYTES: Final = 16
#: Megabytes of files (``$f``) that all tasks of a pipeline file hold together, each as often as it is read.
MAX_MEGABYTES_TOGETHER: Final = 64

_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=]")


def project_root(file: Path) -> Path:
    """Give the folder from which a pipeline's Python modules are imported.

    The nearest folder above with ``fleet.yaml``, or of a release; else the parent of a folder named ``pipelines``; else
    the file's own.
    """
    folder = Path(file).absolute().parent
    for ancestor in (folder, *folder.parents):
        # Also where it may not be looked for.
        if os.path.isfile(ancestor / FLEET_FILE) or os.path.isfile(ancestor / MANIFEST):
            return ancestor
    return folder.parent if folder.name == "pipelines" else folder


def is_test(path: Path) -> bool:
    """Tell by its name whether a file has tests of pipelines, and no pipelines."""
    return path.name.lower().endswith(TEST_SUFFIXES)


def read_text(path: Path) -> str | Problem:
    """Read the UTF-8 text of a regular file, or the problem with it."""
    content = read_bytes(path)
    if isinstance(content, Problem):
        return content
    try:
        return _with_plain_ends(content.decode())
    except UnicodeDecodeError as error:
        return not_utf8(content, error.start, str(path))


def read_python(path: Path) -> str | Problem:
    """Read the text of a file in Python, in the encoding that the file itself names."""
    content = read_bytes(path)
    if isinstance(content, Problem):
        return content
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        return _with_plain_ends(content.decode(encoding))
    except UnicodeDecodeError as error:
        return not_utf8(content, error.start, str(path))
    except SyntaxError as error:
        if any(_CODING.match(line) for line in content.split(b"\n", 2)[:2]):
            return Problem(Place(str(path)), "", f"this is not Python 3: {error.msg}", code=Code.PYTHON_SYNTAX)
        return read_text(path)  # which says where the first wrong byte is


def _with_plain_ends(text: str) -> str:
    """Give the text with each line's end as ``\\n``, as Python reads files."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def read_bytes(path: Path) -> bytes | Problem:
    """Read a regular file, or give the problem with it: no other kind is opened, and no huge file is read."""
    place = Place(str(path))
    try:
        found = os.stat(path)
        if wrong := not_a_file(found.st_mode):
            return Problem(place, "", wrong, code=Code.UNREADABLE_FILE)
        if found.st_size > MAX_MEGABYTES * 1_000_000:
            return too_large(place, found.st_size)
        with open(path, "rb") as file:
            content = file.read(MAX_MEGABYTES * 1_000_000 + 1)
    except OSError as error:
        return Problem(place, "", why_not_read(error, path), code=Code.UNREADABLE_FILE)
    except ValueError:
        return Problem(place, "", "this is not the name of a file", code=Code.UNREADABLE_FILE)
    return too_large(place, len(content)) if len(content) > MAX_MEGABYTES * 1_000_000 else content


def too_large(place: Place, size: int) -> Problem:
    """Give the problem with a file that is not read for its size."""
    sentence = f"the file has {size / 1e6:,.0f} MB; airfleet reads up to {MAX_MEGABYTES} MB"
    return Problem(place, "", sentence, "keep data in a file with another ending", Code.FILE_LIMIT)


def not_a_file(mode: int) -> str | None:
    """Describe a file that is not regular, by its mode; None for one that is."""
    if stat.S_ISREG(mode):
        return None
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return f"this is {kinds.get(stat.S_IFMT(mode), 'something else')}, not a file"


def why_not_read(error: OSError, path: Path, what: str = "file") -> str:
    """Describe the fault of a file or folder that cannot be read."""
    if isinstance(error, FileNotFoundError):
        return "the link leads to nothing" if path.is_symlink() else f"there is no such {what}"
    if error.errno == errno.ELOOP:
        return "the link leads to itself"
    return f"the {what} cannot be read: {(error.strerror or str(error)).lower()}"


def not_utf8(content: bytes, position: int, file: str) -> Problem:
    """Give the problem with the first byte that is not UTF-8, at its place."""
    if content.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return _not_utf8(Place(file), "the file is UTF-32 text, not UTF-8")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _not_utf8(Place(file), "the file is UTF-16 text, not UTF-8")
    before = content[:position].decode()
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    return _not_utf8(Place(file, line, column), f"the file is not UTF-8 text (byte 0x{content[position]:02X} here)")


def _not_utf8(place: Place, sentence: str) -> Problem:
    return Problem(place, "", sentence, "save it as UTF-8", Code.NOT_UTF8)
