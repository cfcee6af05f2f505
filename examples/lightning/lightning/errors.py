"""What can go wrong on the way of a year's tiles, each as one sentence a person can act on.

::

    LightningError
    ├── RunError          what the run was told makes no sense
    ├── SourceError       the year's tiles are not where they were said to be, or not whole
    ├── SchemaChange      the publisher changed the columns
    ├── MalformedRows     lines that are no tiles
    ├── CloudError        a connection or a bucket is missing
    ├── JavaMissing       Spark was asked for on a machine without Java
    ├── MissingInput      the step before has not left its files
    ├── HalfWritten       a published result is not whole; nothing of it is loaded
    └── LoadError         the database refuses
"""


class LightningError(Exception):
    """The root of every error that this example explains."""


class RunError(LightningError):
    """What the run was told makes no sense."""


class SourceError(LightningError):
    """The year's tiles are not where they were said to be, or not whole."""


class SchemaChange(LightningError):
    """The publisher changed the columns."""


class MalformedRows(LightningError):
    """Lines that are no tiles."""


class CloudError(LightningError):
    """A connection or a bucket is missing."""


class JavaMissing(LightningError):
    """Spark was asked for on a machine without Java."""


class MissingInput(LightningError):
    """The step before has not left its files."""


class HalfWritten(LightningError):
    """A published result is not whole; nothing of it is loaded."""


class LoadError(LightningError):
    """The database refuses."""
