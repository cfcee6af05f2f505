"""The image of a fleet: a Containerfile, and the files that it copies.

One image has every component; the host that a container plays says which of them run. Its user has no rights, and no
more of the image than to run it. The distributions come from the lock that airfleet is tested with, by hash.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import resources
from typing import Final

from airfleet import __version__
from airfleet.fleet.config.spec import Fleet

LOCK: Final = "airfleet.lock"
ENTRY: Final = "entry.sh"
#: a container's own file with the secrets of its host, as :program:`airfleet secrets export` writes it
SECRETS: Final = "/run/secrets/airfleet"
#: the volume, and the fleet's home in it, which belongs to whoever runs the container
DATA: Final = "/var/lib/airfleet"
HOME: Final = f"{DATA}/home"
#: uid and gid of the image's user, when nobody says others
USER: Final = 50000


def files(
    fleet: Fleet, *, python: tuple[int, int] = (sys.version_info.major, sys.version_info.minor)
) -> Mapping[str, str]:
    """Map the files of the folder that an image is built from to their texts."""
    return {"Containerfile": containerfile(fleet, python), ENTRY: entry(), LOCK: lock()}


def containerfile(fleet: Fleet, python: tuple[int, int]) -> str:
    """Write the text of the Containerfile; ``python`` is the version that releases of this project are made with."""
    nginx = fleet.proxy is not None and bool(fleet.proxy.on)
    blocks = (_head(python), _environment(), _user(), *([_nginx()] if nginx else []), _entry())
    return "\n\n".join(blocks) + "\n"


def _head(python: tuple[int, int]) -> str:
    return f"""\
# Written by airfleet from fleet.yaml: one image for every host and component. For docker, podman and buildah.
ARG BASE=docker.io/library/python:{python[0]}.{python[1]}-slim-bookworm"""


def _environment() -> str:
    return f"""\
FROM ${{BASE}} AS builder
COPY . /build/
RUN python3 -m venv /opt/airfleet
RUN /opt/airfleet/bin/python -m pip install --no-cache-dir --disable-pip-version-check \\
        --no-deps --require-hashes --only-binary :all: -r /build/{LOCK}
# A wheel of airfleet that lies beside this file serves as well.
RUN /opt/airfleet/bin/python -m pip install --no-cache-dir --disable-pip-version-check \\
        --no-deps --find-links /build airfleet=={__version__}"""


def _user() -> str:
    return f"""\
FROM ${{BASE}}
ARG AIRFLEET_UID={USER}
ARG AIRFLEET_GID={USER}
# PostgreSQL wants a name for its user. The folder of volumes is everybody's, for containers with another user.
# Airflow's own chart has its home in /opt/airflow, and calls /entrypoint.
RUN groupadd --non-unique --gid ${{AIRFLEET_GID}} airfleet \\
    && useradd --non-unique --uid ${{AIRFLEET_UID}} --gid ${{AIRFLEET_GID}} \\
        --home-dir {DATA} --no-create-home --shell /usr/sbin/nologin airfleet \\
    && install --directory --mode 1777 {DATA} /opt/airflow \\
    && ln --symbolic /usr/local/bin/airfleet-entry /entrypoint"""


def _nginx() -> str:
    return """\
# The proxy of fleet.yaml.
RUN apt-get update && apt-get install --yes --no-install-recommends nginx && rm -rf /var/lib/apt/lists/*"""


def _entry() -> str:
    return f"""\
COPY --from=builder /opt/airfleet /opt/airfleet
COPY --chmod=755 {ENTRY} /usr/local/bin/airfleet-entry
ENV PATH=/opt/airfleet/bin:$PATH HOME={DATA} USER=airfleet LOGNAME=airfleet AIRFLEET_HOME={HOME}
USER ${{AIRFLEET_UID}}:${{AIRFLEET_GID}}
WORKDIR /srv
ENTRYPOINT ["/usr/local/bin/airfleet-entry"]
CMD ["up"]"""


def entry() -> str:
    """Write the program that a container starts with: any command of airfleet, and before ``up`` its secrets."""
    return f"""\
#!/bin/sh
# Keeps what 'airfleet secrets export' has written for this host, then becomes airfleet.
set -eu
# Airflow's own chart calls these.
case "${{1:-}}" in airflow | bash | sh | python | python3) exec "$@" ;; esac
if [ "${{1:-}}" = up ] && [ -f {SECRETS} ]; then
    airfleet secrets import {SECRETS}
fi
exec airfleet "$@"
"""


def lock() -> str:
    """Read the lock of all distributions that airfleet is tested with, hashes included."""
    return resources.files("airfleet.render").joinpath(LOCK).read_text(encoding="utf-8")
