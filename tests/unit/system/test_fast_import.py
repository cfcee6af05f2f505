"""While a process imports, the garbage collector looks seldom; afterwards as before, also after an error."""

from __future__ import annotations

import gc

import pytest

from airfleet.system.fast_import import few_collections


def test_the_collector_looks_seldom_in_the_block_and_as_before_behind_it() -> None:
    before = gc.get_threshold()
    with few_collections():
        assert gc.get_threshold()[0] > before[0]
    assert gc.get_threshold() == before


def test_an_error_in_the_block_leaves_the_collector_as_it_was() -> None:
    before = gc.get_threshold()
    with pytest.raises(ImportError), few_collections():
        raise ImportError
    assert gc.get_threshold() == before
