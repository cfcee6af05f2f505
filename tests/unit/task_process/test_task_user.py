"""A program that root starts for tasks runs as their user, with nothing of root's."""

from __future__ import annotations

import os
import pwd
import subprocess

import pytest

from airfleet.task_process import task_user


@pytest.mark.needs("root")
def test_a_program_of_another_user_has_its_ids_and_groups_and_nothing_of_roots_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SUDO_USER", "somebody")
    become = task_user.of_process("nobody")
    account = pwd.getpwnam("nobody")
    assert (become["env"]["HOME"], become["env"]["USER"]) == (account.pw_dir, "nobody")
    assert "SUDO_USER" not in become["env"]
    assert os.environ["SUDO_USER"] == "somebody"
    told = [subprocess.check_output(["id", option], text=True, **become).split() for option in ("-ru", "-rg", "-G")]
    groups = {str(group) for group in os.getgrouplist("nobody", account.pw_gid)}
    assert told[:2] == [[str(account.pw_uid)], [str(account.pw_gid)]]
    assert set(told[2]) == groups
