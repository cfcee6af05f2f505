"""Which variables of a person's shell a connection to the embedded server heeds."""

from __future__ import annotations

from psycopg.pq import Conninfo

from airfleet.system import connection_timeouts

#: what the URL of the embedded server says, or what is given with each connection
TOLD = {"host", "port", "user", "password", "dbname", "connect_timeout", "application_name", "passfile"}


def test_no_variable_that_libpq_reads_is_left_but_those_that_the_url_outweighs() -> None:
    known = {option.envvar.decode(): option.keyword.decode() for option in Conninfo.get_defaults() if option.envvar}
    environ = {**dict.fromkeys(known, "x"), "PGOPTIONS": "x", "PGTZ": "Japan", "PATH": "/bin"}
    connection_timeouts.forget_the_callers(environ)
    assert environ.pop("PATH") == "/bin"
    assert {known[name] for name in environ} <= TOLD
    assert "PGPASSWORD" in environ, "a Dag may read it"
