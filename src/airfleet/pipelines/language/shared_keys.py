"""The keys that several pipelines can share, and how a stronger part goes over a weaker one."""

from __future__ import annotations

from typing import Final

from airfleet.pipelines.language.arguments import DAG_ARGUMENTS, DOCUMENT_KEYS

#: keys that say what one Dag is
OWN_KEYS: Final = ("dag_id", "dag_display_name", "description", "jobs", "tasks")
#: keys that make a document without a Dag one of shared parts
PART_KEYS: Final = ("templates", "groups", "defaults", "include")
#: every key that shared parts can have; '$schema' is for editors
SHARED_KEYS: Final = tuple(name for name in (*DOCUMENT_KEYS, *DAG_ARGUMENTS) if name not in OWN_KEYS)

#: Mappings of which a stronger part replaces single keys, not the whole; what is said of them in the reference.
MERGED: Final[dict[str, str]] = {
    "defaults": "argument by argument",
    "job_defaults": "value by value",
    "templates": "by name; a template as a whole",
    "groups": "by name; a group as a whole",
    "params": "param by param",
    "owner_links": "owner by owner",
    "access_control": "role by role",
    "jinja_environment_kwargs": "option by option",
    "user_defined_macros": "by name",
    "user_defined_filters": "by name",
}

#: shared files of a pipeline file, through others included
MOST_FILES: Final = 100
