"""Objects whose references are not counted, so that a child that only uses them does not copy their pages.

A Python that counts references writes to each object that it uses. From 3.12 on it leaves out objects with a certain
count, the immortal ones of PEP 683: ``None``, for one. :func:`make_immortal` gives that count to every object that a
process has, before it forks others. Python 3.15 has a function for one object (``PyUnstable_SetImmortal``); before, the
count is written where it stands, at the beginning of each object.

An immortal object is never freed. That costs nothing here: a process uses its modules until its end. Objects that are
made later are counted as ever.
"""

from __future__ import annotations

import ctypes
import gc
import platform
import sys
import sysconfig
from collections.abc import Callable, Iterable
from types import CodeType
from typing import Any

#: Pythons with such objects on which the tests have run: another may keep its counts elsewhere
_TRIED = {(3, 12), (3, 13)}
#: objects that are looked at together
_BATCH = 1000

#: the lower half of the count of an object, which tells in every version so far whether it is immortal
_half_at: Callable[[int], ctypes.c_uint32] = ctypes.c_uint32.from_address


def are_possible() -> bool:
    """Tell whether this Python has such objects, and counts the way that is written here."""
    if platform.python_implementation() != "CPython" or sys.version_info[:2] not in _TRIED:
        return False
    counts_otherwise = sysconfig.get_config_var("Py_GIL_DISABLED") or sys.byteorder != "little" or sys.maxsize < 2**62
    return not counts_otherwise and _stays_immortal()


def _stays_immortal() -> bool:
    """Tell whether the count of such an object stays, however often it is referred to."""
    tried = object()
    _half_at(id(tried)).value = _immortal()
    before = sys.getrefcount(tried)
    many = [tried] * 3
    del many
    return before == sys.getrefcount(tried) == _immortal()


def make_immortal() -> int:
    """Make all objects of this process immortal that the garbage collector reaches; return how many.

    Nothing is done where :func:`are_possible` says no.
    """
    if not are_possible():
        return 0
    gc.collect()  # what is garbage shall not stay for good
    immortal, made = _immortal(), 0
    batches: list[list[Any]] = [gc.get_objects()]
    while batches:
        some = batches[-1][-_BATCH:]
        del batches[-1][-_BATCH:]
        if not batches[-1]:
            batches.pop()
        fresh = _made_immortal(some, immortal)
        made += len(fresh)
        if more := [*gc.get_referents(*fresh), *_parts_of_code(fresh)]:
            batches.append(more)
    return made


def _made_immortal(objects: Iterable[object], immortal: int) -> list[object]:
    """Make objects immortal; return those that were not before."""
    made = []
    for one in objects:
        if sys.getrefcount(one) != immortal:
            _half_at(id(one)).value = immortal
            made.append(one)
    return made


def _immortal() -> int:
    """Return the count of an object that is immortal."""
    return sys.getrefcount(None)


def _parts_of_code(objects: Iterable[object]) -> list[Any]:
    """Return what code refers to, which the garbage collector does not see."""
    return [part for one in objects if type(one) is CodeType for part in _parts(one)]


def _parts(code: CodeType) -> tuple[Any, ...]:
    return (
        *(code.co_consts, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars),
        *(code.co_filename, code.co_name, code.co_qualname, code.co_linetable, code.co_exceptiontable),
    )
