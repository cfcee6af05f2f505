"""Keys of advisory locks: distinct, never changed, and apart from Airflow's."""

from __future__ import annotations

from airfleet.metadata import advisory_locks

#: Two versions of airfleet that meet during an upgrade have to take the same lock, so a key never changes.
KEYS = {
    "SCHEMA": 0x41495246_4C454554,
    "MIGRATIONS": 0x41495246_4D494752,
    "AIRFLOW_OBJECTS": 0x61697266,
    "CALLBACKS": 20261124,
    "RELEASE_OBJECTS": 0x41495246_52454C53,
}


def test_keys_stay_as_they_are() -> None:
    found = {name: value for name, value in vars(advisory_locks).items() if name.isupper() and isinstance(value, int)}
    assert found == KEYS
    assert "'airfleet hosts join'" in advisory_locks.HOST_JOIN


def test_each_lock_has_a_key_of_its_own_that_is_a_bigint_and_above_those_of_airflow() -> None:
    assert len(set(KEYS.values())) == len(KEYS)
    assert all(100 < key < 2**63 for key in KEYS.values())
