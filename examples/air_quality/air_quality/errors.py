"""What can go wrong with an archive, each as one sentence a person can act on.

::

    AirQualityError
    ├── JobError          the job in the pipeline file is incomplete or contradicts itself
    ├── FetchError        the source cannot be read, or what came is not what was announced
    ├── UnsafeArchive     an archive holds something that must not be unpacked
    ├── HeaderDrift       the publisher changed the columns of a file
    ├── TooManyRejects    more rows were bad than the job allows
    ├── MissingInput      the step before has not left its files in the run's folder
    └── StoreError        the result cannot be stored
"""


class AirQualityError(Exception):
    """The root of every error that this example explains."""


class JobError(AirQualityError):
    """The job in the pipeline file is incomplete or contradicts itself."""


class FetchError(AirQualityError):
    """The source cannot be read, or what came is not what was announced."""


class UnsafeArchive(AirQualityError):
    """An archive holds something that must not be unpacked."""


class HeaderDrift(AirQualityError):
    """The publisher changed the columns of a file."""


class TooManyRejects(AirQualityError):
    """More rows were bad than the job allows."""


class MissingInput(AirQualityError):
    """The step before has not left its files in the run's folder."""


class StoreError(AirQualityError):
    """The result cannot be stored."""
