"""Comments of a YAML text."""

from __future__ import annotations

from airfleet.yaml.comments import comments

TEXT = """\
# of the file
# and more
a: 1  # behind

b: "# no comment"  # but this
# above
c: |
  # a text
  # of lines
d: [x#y, 'it''s # not']
# nothing follows
"""


def test_comments_stand_above_and_behind_values() -> None:
    found = comments(TEXT)
    assert found.above == {3: ("# of the file", "# and more"), 7: ("# above",)}
    assert found.behind == {3: "# behind", 5: "# but this"}


def test_broken_yaml_has_no_comments_to_keep() -> None:
    assert comments("a: '  # x\n").behind == {}
    assert comments("a: 1\n").above == {}
