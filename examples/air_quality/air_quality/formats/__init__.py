"""The published formats this example knows, by the name a job gives in ``format``."""

from __future__ import annotations

from collections.abc import Mapping

from air_quality.formats import aqs, gsod
from air_quality.formats.columns import Format

FORMATS: Mapping[str, Format] = {"aqs": aqs.FORMAT, "gsod": gsod.FORMAT}
