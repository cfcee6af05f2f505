"""The image of ``airfleet render image``, built for real, without a registry; and a fleet that runs in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from airfleet.testing.fleet import command
from support.documents import REPOSITORY

pytestmark = [pytest.mark.long, pytest.mark.needs("buildah", "root", "ip"), pytest.mark.timeout(1200)]

#: the user of the image, who owns the project folder and nothing else
UID = 7001
#: how this machine reaches package indexes, where it says so
SETTINGS = ("/etc/ssl/certs", "/etc/pip.conf", "/etc/xdg/pip")
BUILD_SECONDS, READY_SECONDS = 600.0, 180.0
PIPELINE = "dag_id: hello\ntasks:\n  - {id: hi, uses: bash, with: {bash_command: id -un}}\n"


@dataclass(frozen=True)
class Buildah:
    """A store of images of its own."""

    folder: Path

    def words(self, *words: str) -> list[str]:
        store = ["--storage-driver", "vfs", "--root", str(self.folder / "store"), "--runroot", str(self.folder / "run")]
        return ["buildah", *store, *words]

    def run(self, *words: str, seconds: float = BUILD_SECONDS) -> str:
        done = subprocess.run(self.words(*words), capture_output=True, text=True, timeout=seconds, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout.strip()


@dataclass(frozen=True)
class Container:
    """A container of the image, with a project and a volume."""

    buildah: Buildah
    name: str
    mounts: Sequence[str]

    def words(self, *words: str) -> list[str]:
        given = ["--isolation", "chroot", *self.mounts, "--env", "AIRFLEET_PROJECT=/srv/shop"]
        return self.buildah.words("run", *given, self.name, "--", "/usr/local/bin/airfleet-entry", *words)

    def run(self, *words: str) -> str:
        done = subprocess.run(self.words(*words), capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Buildah:
    return Buildah(tmp_path_factory.mktemp("buildah"))


@pytest.fixture(scope="module")
def base(buildah: Buildah, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Debian and its Python, as an image."""
    archive = tmp_path_factory.mktemp("base") / "base.tar"
    packages = "python3,python3-venv,ca-certificates"
    words = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={packages}", "bookworm", str(archive)]
    subprocess.run(words, check=True, capture_output=True, timeout=BUILD_SECONDS)
    container = buildah.run("from", "scratch")
    buildah.run("add", container, str(archive), "/")
    buildah.run("commit", "--rm", container, "localhost/base")
    archive.unlink()
    return "localhost/base"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    (root / "fleet.yaml").write_text("name: shop\n")
    (root / "pipelines").mkdir()
    (root / "pipelines" / "hello.yaml").write_text(PIPELINE)
    return root


@pytest.fixture(scope="module")
def container(
    buildah: Buildah, base: str, project: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Container]:
    """The image of the project, built as the page has it, with a wheel of this airfleet beside the Containerfile."""
    folder = tmp_path_factory.mktemp("image")
    words = [*command(), "-C", str(project), "render", "image", "--output", str(folder)]
    subprocess.run(words, check=True, capture_output=True, timeout=60)
    list(WheelBuilder(str(REPOSITORY)).build(directory=str(folder), versions=["standard"]))
    arguments = (f"BASE={base}", f"AIRFLEET_UID={UID}", f"AIRFLEET_GID={UID}")
    given = [word for argument in arguments for word in ("--build-arg", argument)]
    buildah.run("bud", "--isolation", "chroot", *given, *_settings(), "--tag", "localhost/shop", str(folder))
    volume = tmp_path_factory.mktemp("volume")
    project.chmod(0o755)
    volume.chmod(0o1777)
    mounts = ["-v", f"{project}:/srv/shop:ro", "-v", f"{volume}:/var/lib/airfleet"]
    yield Container(buildah, buildah.run("from", "localhost/shop"), mounts)
    buildah.run("rm", "--all")
    buildah.run("rmi", "--all", "--force")


def _settings() -> list[str]:
    mounts = [word for path in SETTINGS if Path(path).exists() for word in ("-v", f"{path}:{path}:ro")]
    # Folders of this machine are not in the image.
    told = {name: value for name, value in os.environ.items() if name.startswith("PIP_") and name != "PIP_FIND_LINKS"}
    return [*mounts, *(word for name, value in told.items() for word in ("--env", f"{name}={value}"))]


def test_a_fleet_runs_in_it_as_an_ordinary_user(container: Container) -> None:
    assert f"uid={UID}(airfleet)" in container.run("sh", "-c", "id")
    with subprocess.Popen(
        container.words("up", "--drain", "5s"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as up:
        try:
            _wait_until_healthy(container, up)
            ran = container.run("trigger", "hello", "--unpause", "--wait", "--timeout", "2m", "-o", "json")
            assert json.loads(ran)["state"] == "success"
        finally:
            container.run("down")
            assert up.wait(60) == 0


def _wait_until_healthy(container: Container, up: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    check = container.words("status", "--here")
    while subprocess.run(check, capture_output=True, timeout=60, check=False).returncode:
        assert up.poll() is None, up.stdout.read() if up.stdout else ""
        assert time.monotonic() < deadline, "it is not healthy"
        time.sleep(1)


def test_hosts_of_a_compose_file_run_in_it_each_by_its_variable(container: Container, tmp_path: Path) -> None:
    config = json.loads(container.buildah.run("inspect", container.name))["OCIv1"]["config"]
    image = {
        "root": container.buildah.run("mount", container.name),
        "user": config["User"],
        "environ": dict(one.split("=", 1) for one in config["Env"]),
        "entry": config["Entrypoint"],
    }
    tmp_path.chmod(0o755)
    (tmp_path / "image.json").write_text(json.dumps(image))
    alone = ["unshare", "--net", "--mount", "--fork", "--kill-child"]
    words = [*alone, sys.executable, "-m", "support.played_containers", str(tmp_path / "played"), "image.json"]
    (tmp_path / "played").mkdir()
    done = subprocess.run(words, capture_output=True, text=True, timeout=500, check=False, cwd=tmp_path)
    logs = "\n".join(file.read_text()[-2000:] for file in (tmp_path / "played" / "data").glob("*.log"))
    assert done.returncode == 0, done.stderr + logs
    seen = json.loads(done.stdout)
    assert seen["checks"] == {"control": 0, "work": 0}
    assert {"scheduler", "api-server", "dag-processor", "triggerer", "worker", "flower"} <= set(seen["kinds"])
    assert seen["run"] == "success"
    assert "secrets.json" not in seen["log"]
    assert seen["ended"] == {"control": 0, "work": 0}


def test_airflow_s_own_chart_finds_its_entry_point_and_its_home(container: Container) -> None:
    words = container.words("sh", "-c", "/entrypoint airflow version && test -w /opt/airflow")
    assert subprocess.run(words, capture_output=True, timeout=180, check=False).returncode == 0
