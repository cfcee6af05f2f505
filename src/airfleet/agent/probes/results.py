"""Results of probes, and the reasons that they give. Values alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from airfleet.agent.states import Reason


class Health(Enum):
    """The health of a component as one probe saw it."""

    WELL = auto()
    #: not ready yet, or late; waiting may help
    UNWELL = auto()
    #: does not do its work now, although the database answers
    STALLED = auto()
    #: does not do its work, and will not however long one waits
    USELESS = auto()


@dataclass(frozen=True)
class ProbeResult:
    """The result of one probe; ``reason`` is None for a component that is well."""

    health: Health
    reason: Reason | None = None

    @property
    def well(self) -> bool:
        """Tell whether the component does what it should."""
        return self.health is Health.WELL


WELL = ProbeResult(Health.WELL)


def unwell(reason: Reason) -> ProbeResult:
    """Make the result of a component that is not ready yet, or late."""
    return ProbeResult(Health.UNWELL, reason)


@dataclass(frozen=True)
class NoAnswer(Reason):
    """The server refused the connection, timed out, or broke the protocol."""

    error: str
    was_ready: bool = False

    def __str__(self) -> str:
        return f"does not answer{'' if self.was_ready else ' yet'}: {self.error}"


@dataclass(frozen=True)
class HttpError(Reason):
    """The server answered with a status of 500 or more."""

    path: str
    status: int

    def __str__(self) -> str:
        return f"{self.path} answers {self.status}"


@dataclass(frozen=True)
class BrokerError(Reason):
    """The broker answered, and named a problem."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class NoHeartbeat(Reason):
    """Airflow's table of jobs has no heartbeat of this process."""

    def __str__(self) -> str:
        return "has not written its first heartbeat yet"


@dataclass(frozen=True)
class LateHeartbeat(Reason):
    """The last heartbeat in Airflow's table of jobs is ``age_seconds`` seconds old."""

    age_seconds: float

    def __str__(self) -> str:
        return f"its last heartbeat is {self.age_seconds:.0f} s old"


@dataclass(frozen=True)
class NotReported(Reason):
    """The process has not written its pid into its file."""

    def __str__(self) -> str:
        return "has not reported that it is ready yet"


@dataclass(frozen=True)
class LateSign(Reason):
    """The process touched its file ``age_seconds`` seconds ago."""

    age_seconds: float

    def __str__(self) -> str:
        return f"its last sign of life is {self.age_seconds:.0f} s old"


@dataclass(frozen=True)
class NoBroker(Reason):
    """The worker is late, and its broker does not work either."""

    error: str

    def __str__(self) -> str:
        return f"takes no tasks: the broker {self.error}"


@dataclass(frozen=True)
class NotConsuming(Reason):
    """The worker has taken nothing from its queues for ``age_seconds`` seconds while the broker works."""

    age_seconds: float

    def __str__(self) -> str:
        return f"took nothing from its queues for {self.age_seconds:.0f} s, and the broker is well"


@dataclass(frozen=True)
class ProbeFailed(Reason):
    """The probe itself met an unexpected error."""

    error: str

    def __str__(self) -> str:
        return f"cannot be asked: {self.error}"
