"""Which files are pipelines, where their project begins, and what is in them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from airfleet.errors import Place, Problem

SUFFIXES: Final = (".yaml", ".yml")
FLEET_FILE: Final = "fleet.yaml"


def project_root(file: Path) -> Path:
    """The folder from which a pipeline's Python modules are imported.

    The nearest folder above with ``fleet.yaml``; else the parent of a folder named ``pipelines``; else the file's own.
    """
    folder = Path(file).absolute().parent
    for ancestor in (folder, *folder.parents):
        if (ancestor / FLEET_FILE).is_file():
            return ancestor
    return folder.parent if folder.name == "pipelines" else folder


def pipeline_files(path: Path) -> tuple[Path, ...]:
    """Every pipeline file under a folder, sorted; a file is given back as it is.

    Names that begin with ``_`` or ``.`` are left out, folders too, and so is ``fleet.yaml``.
    """
    if not path.is_dir():
        return (path,)
    found: list[Path] = []
    for entry in sorted(path.iterdir()):
        if entry.name.startswith(("_", ".")):
            continue
        if entry.is_dir():
            found.extend(pipeline_files(entry))
        elif entry.suffix in SUFFIXES and entry.name != FLEET_FILE:
            found.append(entry)
    return tuple(found)


def read_text(path: Path) -> str | Problem:
    """The text of a file, or the problem with it."""
    place = Place(str(path))
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Problem(place, "", "there is no such file")
    except IsADirectoryError:
        return Problem(place, "", "this is a folder, not a file")
    except UnicodeDecodeError as error:
        return Problem(place, "", f"the file is not UTF-8 text (byte {error.start})", "save it as UTF-8")
    except OSError as error:
        return Problem(place, "", f"the file cannot be read: {(error.strerror or str(error)).lower()}")
    except ValueError:
        return Problem(place, "", "this is not the name of a file")
