"""Immortal objects: a child uses them and copies next to nothing; what is made later is counted."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from airfleet.zygote import immortal_objects

POSSIBLE = immortal_objects.are_possible()


def test_they_are_possible_on_each_python_on_which_they_were_tried() -> None:
    assert (sys.version_info[:2] in {(3, 12), (3, 13)}) is POSSIBLE


def said(program: str) -> Any:
    """Return what a process of its own prints last, as JSON; it ends as any Python does."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert done.stderr == ""
    return json.loads(done.stdout.splitlines()[-1])


#: A child that refers to each of many objects, and the MB that it has copied; the parent's way, too, when it does not.
CHILD = """
import json, os, re
from airfleet.zygote import immortal_objects

class One:
    def __init__(self, number):
        self.number, self.text = number, f"the text of {number}"

def copied():
    return int(re.search(r"Private_Dirty: *([0-9]+) kB", open("/proc/self/smaps_rollup").read())[1]) / 1024

def copied_by_a_child():
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        before = copied()
        seen = 0
        for one in kept:
            text = one.text
            seen += len(text)
        os.write(write, str(copied() - before).encode())
        os._exit(0)
    os.waitpid(child, 0)
    return float(os.read(read, 100))

kept = [One(number) for number in range(100_000)]
counted = copied_by_a_child()
made = immortal_objects.make_immortal()
print(json.dumps([counted, copied_by_a_child(), made]))
"""


def test_a_child_copies_what_it_uses_only_where_references_are_counted() -> None:
    counted, not_counted, made = said(CHILD)
    assert counted > 10.0
    if POSSIBLE:
        assert made > 300_000
        assert not_counted < counted / 10
    else:
        assert made == 0
        assert not_counted > counted / 2


def test_they_are_made_once() -> None:
    first, second = said(
        "import json; from airfleet.zygote.immortal_objects import make_immortal as make\n"
        "print(json.dumps([make(), make()]))"
    )
    assert (first > 10_000) is POSSIBLE
    assert second < 100  # what this program has made meanwhile


def test_what_code_refers_to_is_among_them() -> None:
    program = """
import json, sys
from airfleet.zygote import immortal_objects

def outer():
    def inner():
        "a text of a function in a function"
    return 123456.5

immortal_objects.make_immortal()
inner = next(one for one in outer.__code__.co_consts if hasattr(one, "co_consts"))
parts = [outer.__code__, outer.__code__.co_consts, 123456.5, inner, inner.co_consts[0], inner.co_linetable]
print(json.dumps([sys.getrefcount(one) == sys.getrefcount(None) for one in parts]))
"""
    assert said(program) == [POSSIBLE] * 6


def test_what_is_made_later_is_freed_and_garbage_is_not_kept() -> None:
    program = """
import gc, json, weakref
from airfleet.zygote import immortal_objects

class One:
    pass

def ring():
    one = One()
    one.itself = one
    return weakref.ref(one)

gc.disable()
garbage, holder = ring(), {}
immortal_objects.make_immortal()
later = [ring(), weakref.ref(One())]
holder["kept"] = kept = One()
kept.holder = holder
still = weakref.ref(kept)
del kept
gc.collect()
there = still() is not None
holder.clear()
gc.collect()
print(json.dumps([garbage() is None, [one() is None for one in later], there, still() is None]))
"""
    assert said(program) == [True, [True, True], True, True]


def test_such_a_process_works_as_ever() -> None:
    program = """
import asyncio, decimal, gc, json, sqlite3, threading
from airfleet.zygote import immortal_objects

text, number, names = "a", 10**30, ("a", "b")
immortal_objects.make_immortal()
for _ in range(3):
    gc.collect()
text += "b"
number += 1
names += ("c",)
done = []
thread = threading.Thread(target=done.append, args=(1,))
thread.start()
thread.join()
connection = sqlite3.connect(":memory:")
found = connection.execute("SELECT 1 + 1").fetchone()[0]
connection.close()
asyncio.run(asyncio.sleep(0))
print(json.dumps([text, number == 10**30 + 1, names, done, found, str(decimal.Decimal(2).sqrt())[:4]]))
"""
    assert said(program) == ["ab", True, ["a", "b", "c"], [1], 2, "1.41"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("platform.python_implementation", lambda: "PyPy"),
        ("sys.version_info", (3, 11, 7)),
        ("sys.version_info", (3, 99, 0)),
        ("sys.byteorder", "big"),
        ("sysconfig.get_config_var", {"Py_GIL_DISABLED": 1}.get),
    ],
)
def test_another_python_is_left_as_it_is(name: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"airfleet.zygote.immortal_objects.{name}", value)
    assert not immortal_objects.are_possible()
    assert immortal_objects.make_immortal() == 0
