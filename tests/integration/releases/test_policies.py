"""Releases that have to be signed or approved: commands with a real database and ssh-keygen; hosts only report."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from airfleet.metadata.migrations import runner
from airfleet.releases import registry
from airfleet.releases.policies import records
from airfleet.releases.policies.verdict import Signer
from airfleet.releases.policies.verification import SigningPolicy, verified
from support import ssh_keys
from support.command_line import Airfleet, Result, airfleet, own_environment
from support.databases import NewDatabase
from support.release_hosts import fails, ready, reporting
from support.ssh_keys import Person

__all__ = ["airfleet", "own_environment"]

pytestmark = pytest.mark.needs("openssh")

SHOP = 'dag_id: shop\nschedule: "@daily"\ntasks: [{id: fetch, uses: bash, with: {bash_command: "true"}}]\n'
FLEET = "name: shop\ndatabase: ${{{{ env.SHOP_DATABASE }}}}\npolicies: {{push: {{{policies}}}}}\n"
APPROVAL, SIGNED = "approval: 1", "signed_by: keys/pushers"
BOTH = f"{APPROVAL}, {SIGNED}"


@dataclass
class Shop:
    """A project, its people, and its database."""

    root: Path
    url: str
    people: Path
    monkeypatch: pytest.MonkeyPatch

    def asks(self, policies: str) -> None:
        """Write fleet.yaml."""
        (self.root / "fleet.yaml").write_text(FLEET.format(policies=policies))

    def edit(self, schedule: str) -> None:
        """Make the next push another release."""
        (self.root / "pipelines" / "shop.yaml").write_text(SHOP.replace("@daily", schedule))

    def person(self, name: str, passphrase: str = "") -> Person:
        """Make somebody with a key."""
        return ssh_keys.person(self.people, name, passphrase)

    def allow(self, *people: Person) -> None:
        """Write the file of allowed signers."""
        (self.root / "keys").mkdir(exist_ok=True)
        (self.root / "keys" / "pushers").write_text("".join(one.line() for one in people))

    def become(self, name: str) -> None:
        """Be somebody else for the next command."""
        self.monkeypatch.setenv("AIRFLEET_AUTHOR", name)

    @property
    def live(self) -> str:
        with psycopg.connect(self.url) as connection:
            found = registry.live(connection)
            return found.digest if found else ""

    @property
    def newest(self) -> str:
        with psycopg.connect(self.url) as connection:
            return registry.releases(connection, 1)[0].digest


@pytest.fixture
def shop(tmp_path: Path, new_database: NewDatabase, own_environment: None, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop in which nothing of the person who runs the tests is in force."""
    for name in ("GITHUB_ACTOR", "GITLAB_USER_LOGIN", "GITHUB_RUN_ID", "CI_JOB_URL", "BUILD_URL", "SSH_AUTH_SOCK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    url = new_database("policies")
    with psycopg.connect(url, autocommit=True) as connection:
        runner.apply(connection)
        connection.execute("CREATE TABLE dag_run (state text, bundle_version text)")
        columns = "dag_id text, bundle_name text, bundle_version text, is_stale boolean DEFAULT false"
        connection.execute(f"CREATE TABLE dag ({columns})".encode())
        connection.execute("INSERT INTO dag VALUES ('shop', 'pipelines', NULL)")
    root = tmp_path / "shop"
    (root / "pipelines").mkdir(parents=True)
    monkeypatch.setenv("SHOP_DATABASE", url)
    monkeypatch.chdir(root)
    made = Shop(root, url, tmp_path / "people", monkeypatch)
    made.edit("@daily")
    made.become("ann")
    return made


def said(result: Result) -> str:
    """Give the error that a command ended with."""
    return (result.err.partition("error: ")[2] or result.err).rstrip("\n")


def log(airfleet: Airfleet) -> list[tuple[str, str]]:
    return [(one["action"], one["author"]) for one in json.loads(airfleet("releases", "log", "-o", "json").out)]


def test_a_push_waits_for_the_approval_of_somebody_else(shop: Shop, airfleet: Airfleet) -> None:
    shop.asks(APPROVAL)
    with reporting(shop.url, {"a": ready}):
        result = airfleet("push", "--force")
        short = shop.newest[:12]
        assert (result.code, result.out, shop.live) == (1, f"release {short} is waiting for approval\n", "")
        assert result.err.splitlines()[-1] == (f"hint: somebody else makes it live: airfleet releases approve {short}")
        assert result.err.splitlines()[-2].endswith("s  has 0 of 1 approval")
        own = airfleet("releases", "approve", short)
        assert (own.code, said(own)) == (
            1, f"ann pushed release {short}, so somebody else has to approve it\nhint: airfleet releases",
        )  # fmt: skip
        assert (shop.live, log(airfleet)) == ("", [])
        shop.become("bob")
        done = airfleet("releases", "approve", short, "-m", "read it")
    assert (done.code, done.out, shop.live[:12]) == (0, f"release {short} is live\n", short)
    assert log(airfleet) == [("push", "ann"), ("approve", "bob")]
    (listed,) = json.loads(airfleet("releases", "-o", "json").out)
    assert (listed["approvals"], listed["approved_by"], listed["signed_by"]) == ("1/1", ["bob"], [])
    assert airfleet("releases").out.splitlines()[0].endswith("  HOSTS  APPROVALS")


def test_the_last_of_several_approvals_makes_it_live(shop: Shop, airfleet: Airfleet) -> None:
    shop.asks("approval: 2")
    with reporting(shop.url, {"a": ready}):
        airfleet("push")
        short = shop.newest[:12]
        shop.become("bob")
        for _ in range(2):
            first = airfleet("releases", "approve", short)
            assert (first.code, first.out, shop.live) == (0, f"release {short} has 1 of 2 approvals\n", "")
        shop.become("eve")
        assert airfleet("releases", "approve", short).out == f"release {short} is live\n"
    assert log(airfleet) == [("push", "ann"), ("approve", "eve"), ("approve", "bob")]


def test_a_release_that_a_host_cannot_have_is_approved_and_not_live(shop: Shop, airfleet: Airfleet) -> None:
    shop.asks(APPROVAL)
    airfleet("push", "--no-wait")
    short = shop.newest[:12]
    shop.become("bob")
    with reporting(shop.url, {"a": fails("the disk is full")}):
        airfleet("push", "--no-wait")  # of the same files, so it is bob's now
        shop.become("eve")
        result = airfleet("releases", "approve", short)
    assert said(result) == (
        f"release {short} did not go live, no release is live: host 'a' cannot have it: the disk is full\n"
        "hint: airfleet status"
    )
    assert log(airfleet) == [("approve", "eve")]


def test_an_approval_of_an_older_push_takes_nothing_back(shop: Shop, airfleet: Airfleet) -> None:
    shop.asks(APPROVAL)
    with reporting(shop.url, {"a": ready}):
        airfleet("push")
        older = shop.newest[:12]
        shop.edit("@hourly")
        airfleet("push")
        newer = shop.newest[:12]
        shop.become("bob")
        airfleet("releases", "approve", newer)
        late = airfleet("releases", "approve", older)
        assert (late.code, said(late), shop.live[:12]) == (
            1,
            f"release {older} is approved, and does not go live: {newer} went live after its push\n"
            f"hint: airfleet rollback {older} makes it live all the same",
            newer,
        )
        assert airfleet("rollback", older).code == 0
    assert shop.live[:12] == older


def test_a_rollback_takes_what_was_live_and_nothing_unapproved(shop: Shop, airfleet: Airfleet) -> None:
    shop.asks("")
    with reporting(shop.url, {"a": ready}):
        airfleet("push")
        first = shop.live
        shop.edit("@hourly")
        airfleet("push")
        shop.asks(APPROVAL)
        shop.edit("@weekly")
        airfleet("push")
        waiting = shop.newest[:12]
        result = airfleet("rollback", waiting)
        assert said(result) == (
            f"release {waiting} may not go live: it has 0 of 1 approval\nhint: airfleet releases approve {waiting}"
        )
        assert airfleet("rollback").code == 0
    assert shop.live == first


@pytest.mark.parametrize(
    ("policies", "words", "code", "sentence"),
    [
        (
            APPROVAL, ("push", "--watch"), 2,
            "--watch makes each saved file live, and this fleet asks for approval ('policies.push.approval')",
        ),
        (
            "", ("push", "--sign-with", "key"), 2,
            "--sign-with: fleet 'shop' asks for no signatures (policies.push.signed_by)",
        ),
        (
            "", ("releases", "approve", "abcdef"), 1,
            "fleet 'shop' asks for no approvals\nhint: 'policies: {push: {approval: 1}}' in fleet.yaml does",
        ),
        (
            APPROVAL, ("releases", "approve", "abcdef"), 1,
            "there is no release 'abcdef'\nhint: airfleet releases lists them",
        ),
        (
            SIGNED, ("push",), 1,
            "this fleet takes signed releases alone, and no key to sign with is named\nhint: --sign-with FILE names "
            "one, or AIRFLEET_SIGNING_KEY, or git's user.signingkey with 'gpg.format ssh'",
        ),
        (
            SIGNED, ("push", "--sign-with", "/none"), 1,
            "there is no key /none\nhint: ssh-keygen -t ed25519 makes one",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_a_sentence(
    shop: Shop, airfleet: Airfleet, policies: str, words: tuple[str, ...], code: int, sentence: str
) -> None:
    shop.asks(policies)
    shop.allow()
    with reporting(shop.url, {"a": ready}):
        result = airfleet(*words)
    assert (result.code, said(result), shop.live) == (code, sentence, "")


def test_a_push_is_signed_and_the_file_of_keys_does_not_travel(shop: Shop, airfleet: Airfleet) -> None:
    ada = shop.person("ada@shop.example")
    shop.asks(SIGNED)
    shop.allow(ada)
    with reporting(shop.url, {"a": ready}):
        result = airfleet("push", "--force", "--sign-with", ada.key)
    assert (result.code, result.out) == (0, f"release {shop.live[:12]} is live\n")
    assert "s  signed as ada@shop.example\n" in result.err
    (listed,) = json.loads(airfleet("releases", "-o", "json").out)
    assert (listed["signed_by"], listed["files"]) == (["ada@shop.example"], 1)
    assert airfleet("releases").out.splitlines()[0].endswith("  HOSTS  SIGNED BY")
    with psycopg.connect(shop.url) as connection:
        signatures = records.signatures(connection, [shop.live])[shop.live]
    policy = SigningPolicy("shop", shop.root, "keys/pushers")
    assert verified(policy, shop.live, signatures, policy.allowed()).pushers == (Signer(("ada@shop.example",)),)
    shop.allow()
    again = airfleet("releases", "-o", "json")
    assert json.loads(again.out)[0]["signed_by"] == []
    (shop.root / "keys" / "pushers").unlink()
    unknown = airfleet("releases")
    assert (unknown.code, shop.live[:12] in unknown.out) == (0, True)
    assert "there is no file keys/pushers of allowed signers on this machine" in unknown.err


def test_the_key_of_the_environment_or_of_git_signs(shop: Shop, airfleet: Airfleet) -> None:
    ada, bob = shop.person("ada"), shop.person("bob")
    shop.asks(SIGNED)
    shop.allow(ada, bob)
    for key, value in (("gpg.format", "ssh"), ("user.signingkey", bob.key)):
        subprocess.run(["git", "config", "--global", key, str(value)], check=True)
    with reporting(shop.url, {"a": ready}):
        assert "s  signed as bob\n" in airfleet("push").err
        shop.edit("@hourly")
        shop.monkeypatch.setenv("AIRFLEET_SIGNING_KEY", str(ada.key))
        assert "s  signed as ada\n" in airfleet("push").err
    shop.monkeypatch.delenv("AIRFLEET_SIGNING_KEY")
    subprocess.run(["git", "config", "--global", "user.signingkey", f"key::{bob.public}"], check=True)
    shop.edit("@weekly")
    with ssh_keys.agent(bob) as variables, reporting(shop.url, {"a": ready}):
        shop.monkeypatch.setenv("SSH_AUTH_SOCK", variables["SSH_AUTH_SOCK"])
        assert "s  signed as bob\n" in airfleet("push").err


def test_a_commit_is_signed_and_is_the_same_release_as_its_folder(shop: Shop, airfleet: Airfleet) -> None:
    ada = shop.person("ada")
    shop.asks(SIGNED)
    shop.allow(ada)
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.example")
    for words in (("init", "-q"), ("add", "pipelines", "keys"), (*identity, "commit", "-q", "-m", "one")):
        subprocess.run(["git", *words], cwd=shop.root, check=True)
    with reporting(shop.url, {"a": ready}):
        result = airfleet("push", "--from", "git:HEAD", "--sign-with", "../people/ada")
        assert "s  signed as ada\n" in result.err
        shop.monkeypatch.setenv("AIRFLEET_SIGNING_KEY", "../people/ada")
        again = airfleet("push")
        assert again.err == f"nothing has changed: release {shop.live[:12]} is live already\n"
        shop.edit("@hourly")
        assert "s  signed as ada\n" in airfleet("push").err


def test_a_key_that_no_host_would_take_publishes_nothing(shop: Shop, airfleet: Airfleet) -> None:
    ada, eve = shop.person("ada"), shop.person("eve")
    shop.asks(SIGNED)
    shop.allow(ada)
    result = airfleet("push", "--no-wait", "--sign-with", eve.key)
    assert result.code == 1
    assert said(result).startswith(
        f"no host would take what is signed with {eve.key}: it is signed by a key that is not among the allowed "
        "signers: ED25519 key SHA256:"
    )
    assert said(result).endswith("\nhint: 'keys/pushers' has a line for each key")
    (shop.root / "keys" / "pushers").unlink()
    assert said(airfleet("push", "--no-wait", "--sign-with", eve.key)) == (
        "nothing was signed: there is no file keys/pushers of allowed signers on this machine\nhint: airfleet check"
    )
    assert json.loads(airfleet("releases", "-o", "json").out) == []


def test_a_live_release_is_signed_anew_when_its_key_has_left_the_file(shop: Shop, airfleet: Airfleet) -> None:
    ada, bob = shop.person("ada"), shop.person("bob")
    shop.asks(SIGNED)
    shop.allow(ada, bob)
    with reporting(shop.url, {"a": ready}):
        airfleet("push", "--sign-with", ada.key)
    again = airfleet("push", "--sign-with", bob.key)
    assert (again.code, "signed" in again.err) == (0, False)
    shop.allow(bob)
    anew = airfleet("push", "--sign-with", bob.key)
    assert anew.code == 0
    assert anew.err.endswith("s  signed anew as bob\n")
    assert json.loads(airfleet("releases", "-o", "json").out)[0]["signed_by"] == ["bob"]


def test_an_approval_is_a_signature_of_somebody_else(shop: Shop, airfleet: Airfleet) -> None:
    ada, bob = shop.person("ada"), shop.person("bob")
    shop.asks(BOTH)
    shop.allow(ada, bob)
    with reporting(shop.url, {"a": ready}):
        assert airfleet("push", "--sign-with", ada.key).code == 1
        short = shop.newest[:12]
        shop.become("somebody else")  # which no key says
        own = airfleet("releases", "approve", short, "--sign-with", ada.key)
        assert (own.code, said(own).splitlines()[0], shop.live) == (
            1, f"ada pushed release {short}, so somebody else has to approve it", "",
        )  # fmt: skip
        shop.become("ann")
        done = airfleet("releases", "approve", short, "--sign-with", bob.key)
    assert (done.code, done.out) == (0, f"release {short} is live\n")
    (listed,) = json.loads(airfleet("releases", "-o", "json").out)
    assert (listed["signed_by"], listed["approved_by"]) == (["ada"], ["bob"])


def test_a_row_of_the_database_is_no_signed_approval(shop: Shop, airfleet: Airfleet) -> None:
    ada, bob = shop.person("ada"), shop.person("bob")
    shop.asks(BOTH)
    shop.allow(ada, bob)
    with reporting(shop.url, {"a": ready}):
        airfleet("push", "--sign-with", ada.key)
        with psycopg.connect(shop.url, autocommit=True) as connection:
            records.approve(connection, shop.newest, registry.About("bob", "here"), ada.signature(shop.newest))
        result = airfleet("rollback", shop.newest[:12])
    assert said(result).startswith(f"release {shop.newest[:12]} may not go live: it has 0 of 1 approval\n")
