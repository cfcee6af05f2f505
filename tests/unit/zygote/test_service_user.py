"""The user that commands log in as, in a table of users as FAB has one."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from werkzeug.security import generate_password_hash

from airfleet.zygote import service_user


@dataclass
class User:
    id: int
    username: str
    password: str | None
    role: str


@dataclass
class Security:
    """As much of FAB's security manager as is asked."""

    users: list[User] = field(default_factory=list)
    #: what another api-server does while this one adds the user
    meanwhile: list[User] = field(default_factory=list)

    def find_user(self, username: str) -> User | None:
        return next((user for user in self.users if user.username == username), None)

    def find_role(self, name: str) -> str:
        return name

    def add_user(self, username: str, first: str, last: str, email: str, role: str, password: str) -> None:
        self.users += self.meanwhile
        if self.find_user(username):
            raise ValueError("duplicate key")
        if email in {f"{user.username}@airfleet.invalid" for user in self.users}:
            raise ValueError("duplicate email")
        self.users.append(User(len(self.users) + 1, username, generate_password_hash(password), role))

    def reset_password(self, user_id: int, password: str) -> None:
        self.users[user_id - 1].password = generate_password_hash(password)


def test_a_user_who_is_not_there_is_made_an_administrator_once() -> None:
    security = Security()
    assert service_user._ensured(security, "ops", "hush") == "user 'ops' is made, for the commands of airfleet"
    assert service_user._ensured(security, "ops", "hush") == "user 'ops' is there"
    assert [(user.username, user.role) for user in security.users] == [("ops", "Admin")]


@pytest.mark.parametrize("password", [None, generate_password_hash("another")])
def test_a_user_with_another_password_gets_the_fleets_again(password: str | None) -> None:
    security = Security([User(1, "ops", password, "Admin")])
    said = service_user._ensured(security, "ops", "hush")
    assert said == "user 'ops' has the password of this fleet again"
    assert service_user._ensured(security, "ops", "hush") == "user 'ops' is there"


def test_of_two_api_servers_that_make_the_user_at_once_the_slower_one_goes_on() -> None:
    security = Security(meanwhile=[User(1, "ops", generate_password_hash("hush"), "Admin")])
    service_user._ensured(security, "ops", "hush")
    assert len(security.users) == 1


def test_what_keeps_the_user_from_being_made_is_not_hidden() -> None:
    security = Security(meanwhile=[User(1, "else", "x", "Viewer")])
    security.find_role = lambda name: 1 / 0  # type: ignore[assignment, return-value]
    with pytest.raises(ZeroDivisionError):
        service_user._ensured(security, "ops", "hush")
