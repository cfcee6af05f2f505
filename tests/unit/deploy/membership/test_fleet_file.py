"""Edits of ``hosts``: the lines of one host change, and no other."""

from __future__ import annotations

import pytest

from airfleet.deploy.membership import fleet_file
from airfleet.deploy.membership.fleet_file import HostPlace, NotEditable

FLOW = """\
name: shop   # the shop
hosts:
  # the scheduler
  - {name: control, address: 10.0.0.1, scheduler: true}
  # workers
  - {name: work-1, address: "10.0.0.2", workers: [{slots: 8}]}  # the big one

# how it gets there
deploy: {folder: shop}
"""
BLOCK = """\
hosts:
- name: control
  address: 10.0.0.1
  scheduler: true

- name: work-1
  address: 10.0.0.2   # rack 2
  ssh: deploy@work-1
  workers:
    - slots: 8
      queues: [default]
vars: {a: 1}
"""


def text_of(text: str) -> fleet_file.HostsText:
    return fleet_file.read(text, "fleet.yaml")


def lines_that_differ(one: str, other: str) -> tuple[list[str], list[str]]:
    """The lines that only one of the texts has."""
    left, right = one.splitlines(), other.splitlines()
    return [line for line in left if line not in right], [line for line in right if line not in left]


def test_a_host_is_added_in_the_form_of_its_model() -> None:
    made = text_of(FLOW).added("work-2", HostPlace("10.0.0.3", "deploy@w2"), "work-1")
    new = "  - {name: work-2, address: 10.0.0.3, ssh: deploy@w2, workers: [{slots: 8}]}"
    assert lines_that_differ(FLOW, made) == ([], [new])
    assert made.splitlines()[6] == new, "right behind the last host"


def test_a_host_in_a_block_is_added_as_a_block() -> None:
    made = text_of(BLOCK).added("work-2", HostPlace("10.0.0.3"), "work-1")
    assert made == BLOCK.replace(
        "vars:",
        "\n- name: work-2\n  address: 10.0.0.3\n  workers:\n    - slots: 8\n      queues: [default]\nvars:",
    )


def test_a_host_is_removed_with_the_comment_above_it() -> None:
    assert text_of(FLOW).removed("work-1") == FLOW.replace(FLOW[FLOW.index("  # workers") : FLOW.index("\n# how")], "")
    assert text_of(BLOCK).removed("control").startswith("hosts:\n\n- name: work-1\n")


@pytest.mark.parametrize(
    ("text", "place", "old", "new"),
    [
        (FLOW, HostPlace("10.0.0.9"), ' "10.0.0.2"', " 10.0.0.9"),
        (FLOW, HostPlace(ssh="w1"), '"10.0.0.2"', '"10.0.0.2", ssh: w1'),
        (BLOCK, HostPlace("10.0.0.9", "root@w1"), "10.0.0.2   # rack 2\n  ssh: deploy@work-1", "10.0.0.9   # rack 2\n"
         "  ssh: root@w1"),
        (BLOCK.replace("  ssh: deploy@work-1\n", ""), HostPlace(ssh="w1"), "# rack 2\n", "# rack 2\n  ssh: w1\n"),
        (FLOW, HostPlace("::1"), ' "10.0.0.2"', " '::1'"),
    ],
)  # fmt: skip
def test_a_host_that_moves_keeps_everything_but_its_place(text: str, place: HostPlace, old: str, new: str) -> None:
    assert text_of(text).moved("work-1", place) == text.replace(old, new)


@pytest.mark.parametrize(
    "text",
    [
        "hosts: [{name: a, address: b}]\n",
        "hosts:\n  -\n    name: a\n",
        "name: shop\n",
        "hosts: []\n",
        "hosts: &all\n  - &one {name: a, address: b}\n  - *one\n",
        "{",
    ],
)
def test_other_forms_are_left_to_people(text: str) -> None:
    with pytest.raises(NotEditable):
        fleet_file.read(text, "fleet.yaml").removed("a")


def test_a_host_that_another_file_has_is_not_edited_here() -> None:
    with pytest.raises(NotEditable, match=r"fleet.yaml has no host 'work-7' of its own\nhint: its hosts are: control"):
        text_of(FLOW).removed("work-7")


def test_a_file_without_a_last_newline_is_edited_as_one_with_it() -> None:
    assert text_of(FLOW[:-1]).removed("work-1") == text_of(FLOW).removed("work-1")
