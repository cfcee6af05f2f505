"""Which ids of Dags and tasks Airflow, its API, the addresses of its pages and the folders of its logs can carry."""

from __future__ import annotations

import re
from typing import Final, Literal

What = Literal["Dag", "task"]
#: of the name of a group, which has no dots: they stand between it and the names in it
_MOST_GROUP_SIGNS: Final = 200

_MOST_SIGNS: Final = 250
_SIGNS = re.compile(r"[\w.-]+")
#: a file system takes names of 255 bytes, and logs lie in folders that are called dag_id=… and task_id=…
_MOST_BYTES: Final[dict[What, int]] = {"Dag": 255 - len("dag_id="), "task": 255 - len("task_id=")}


def problem_of(written: str, what: What) -> tuple[str, str | None] | None:
    """Describe the fault of an id as (sentence, hint), or None.

    >>> problem_of("..", "Dag")
    ("the id of a Dag cannot be '..', which means a folder in addresses and paths", None)
    """
    if not _SIGNS.fullmatch(written):
        odd = "".join(dict.fromkeys(re.sub(r"[\w.-]", "", written)))
        return f"the id of a {what} cannot contain {odd!r}", "letters, digits, '_', '-' and '.' can be used"
    if written in (".", ".."):
        return f"the id of a {what} cannot be '{written}', which means a folder in addresses and paths", None
    if len(written) > _MOST_SIGNS:
        return f"the id is {len(written)} characters long; Airflow takes {_MOST_SIGNS}", None
    length, most = len(written.encode(errors="surrogatepass")), _MOST_BYTES[what]
    if length > most:
        return f"the id is {length} bytes long; in the name of the log's folder there is room for {most}", None
    return None


def problem_of_group(name: str) -> tuple[str, str | None] | None:
    """Describe the fault of the name of a group as (sentence, hint), or None.

    >>> problem_of_group("load.eu")
    ("the name of a group cannot contain '.'", "letters, digits, '_' and '-' can be used")
    """
    if odd := "".join(dict.fromkeys(re.sub(r"[\w-]", "", name))):
        return f"the name of a group cannot contain {odd!r}", "letters, digits, '_' and '-' can be used"
    if len(name) > _MOST_GROUP_SIGNS:
        return f"the name is {len(name)} characters long; Airflow takes {_MOST_GROUP_SIGNS}", None
    return None
