"""``python -m airfleet.releases.environments ROOT TREE [USER]``: build the environments of the release in TREE."""

from __future__ import annotations

import sys
from pathlib import Path

from airfleet.releases.environments import builder, layout
from airfleet.releases.environments.installation import CannotBuild
from airfleet.releases.places import Places


def main(root: str, tree: str, user: str | None = None) -> str | None:
    """Build each of them; return why one cannot be built."""
    try:
        for digest in sorted(set(layout.table(Path(tree)).values())):
            builder.build(Places(Path(root)), Path(tree), digest, user)
    except CannotBuild as error:
        return str(error)
    return None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
