"""The example's modules are found the way a worker finds them: its folder is on the path."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
EXAMPLE = HERE.parents[2] / "examples" / "air_quality"

for folder in (HERE, EXAMPLE):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
