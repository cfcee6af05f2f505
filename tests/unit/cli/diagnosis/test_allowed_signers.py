"""What ``airfleet check`` says of the file of allowed signers."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.client.project import Project
from support import ssh_keys
from support.command_line import Airfleet

pytestmark = pytest.mark.needs("openssh")

FLEET = "name: shop\npolicies:\n  push: {signed_by: keys/pushers}\n"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDBLm2Nf9Nsb9XNqh1nX7yqXJcUaHb0nN0mNoXv8mXbU"
HINT = "hint: a line has a name and a public key, as in: ada@shop.example ssh-ed25519 AAAAC3…"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            None,
            "fleet.yaml:3:21: policies.push.signed_by: there is no file 'keys/pushers' beside fleet.yaml: no host "
            f"would take a release\n{HINT}",
        ),
        ("", f"keys/pushers:1:1: names nobody: no host would take a release\n{HINT}"),
        ("# people\n\n", f"keys/pushers:1:1: names nobody: no host would take a release\n{HINT}"),
        (
            f"ada {KEY}\nbob\n",
            f"keys/pushers:2:1: ssh-keygen does not take this line: missing key\n{HINT}",
        ),
        (
            f"ada {KEY}x!\n",
            f"keys/pushers:1:1: ssh-keygen does not take this line: invalid key\n{HINT}",
        ),
        (
            f"# people\n\nada colour=red {KEY}\n",
            f"keys/pushers:3:1: ssh-keygen does not take this line: bad options: unknown key option\n{HINT}",
        ),
        (
            f"*@shop.example {KEY}\n",
            "keys/pushers:1:1: '*@shop.example' is a pattern: who pushed and who approved could not be told apart\n"
            "hint: write the name of one person",
        ),
    ],
)
def test_what_is_wrong_with_the_file_is_said_at_its_place(
    project: Project, airfleet: Airfleet, text: str | None, said: str
) -> None:
    (project.root / "fleet.yaml").write_text(FLEET)
    (project.root / "keys").mkdir()
    if text is not None:
        (project.root / "keys" / "pushers").write_text(text)
    result = airfleet("check")
    found = result.out + result.err
    assert result.code == 1
    assert said in found.replace(" [AF900]", "")


def test_a_file_of_people_and_a_certificate_authority_is_right(project: Project, airfleet: Airfleet) -> None:
    (project.root / "fleet.yaml").write_text(FLEET)
    ada = ssh_keys.person(project.root / ".airfleet", "ada")
    (project.root / "keys").mkdir()
    text = f"# people\n\n{ada.line()}*@shop.example {'cert-authority'} {ada.public}\n"
    (project.root / "keys" / "pushers").write_text(text)
    result = airfleet("check")
    assert (result.code, result.out) == (0, "")


def test_without_ssh_keygen_the_names_are_checked_all_the_same(
    project: Project, airfleet: Airfleet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (project.root / "fleet.yaml").write_text(FLEET)
    (project.root / "keys").mkdir()
    (project.root / "keys" / "pushers").write_text("ada\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert airfleet("check").code == 0
    (project.root / "keys" / "pushers").write_text("")
    assert airfleet("check").code == 1
