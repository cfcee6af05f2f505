"""Buckets on emulators, for the clients that users have; in an environment of their own (``make test-buckets``).

S3 is moto, Google Cloud Storage is gcp-storage-emulator. Azure is Azurite, a program of Node.js: its tests are there
where it is on the ``PATH``.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import fsspec
import pytest

from airfleet.drill.waiting import wait_until
from airfleet.testing.ports import free_ports
from faultlab.injectors.tcp_fault_proxy import TcpFaultProxy

BUCKET = "shop"
AZURITE = shutil.which("azurite-blob")
#: the account that Azurite knows; its key stands in its documentation
_ACCOUNT = "devstoreaccount1"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
KINDS = ("s3", "gs", *(["abfs"] if AZURITE else []))
#: for tests of failures: the other clients try again for as long as they may
FAILING = [KINDS[0], *(pytest.param(kind, marks=pytest.mark.long) for kind in KINDS[1:])]


@dataclass(frozen=True)
class Cloud:
    """An emulator behind a proxy that can be shut; ``environ`` leads clients to it."""

    kind: str
    proxy: TcpFaultProxy
    environ: Mapping[str, str]
    #: of the emulator itself
    port: int

    def address(self, bucket: str = BUCKET) -> str:
        """Name a folder in a bucket."""
        return f"{self.kind}://{bucket}/releases-{time.time_ns()}"


def environment(kind: str, port: int) -> dict[str, str]:
    """Give the variables by which each client finds an emulator."""
    url = f"http://127.0.0.1:{port}"
    azure = f"DefaultEndpointsProtocol=http;AccountName={_ACCOUNT};AccountKey={_KEY};BlobEndpoint={url}/{_ACCOUNT};"
    return {
        "s3": {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "anybody",
            "AWS_SECRET_ACCESS_KEY": "anything",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        },
        "gs": {"STORAGE_EMULATOR_HOST": url},
        "abfs": {"AZURE_STORAGE_CONNECTION_STRING": azure},
    }[kind]


def _command(kind: str, port: int, folder: Path) -> list[str]:
    programs = Path(sys.executable).parent
    return {
        "s3": [str(programs / "moto_server"), "-H", "127.0.0.1", "-p", str(port)],
        "gs": [
            str(programs / "gcp-storage-emulator"), "start", "--host", "127.0.0.1", "--port", str(port), "--in-memory",
            "--default-bucket", BUCKET,
        ],
        "abfs": [
            str(AZURITE), "--silent", "--location", str(folder), "--blobPort", str(port), "--skipApiVersionCheck",
        ],
    }[kind]  # fmt: skip


@contextmanager
def emulator(kind: str, folder: Path, **environ: str) -> Iterator[int]:
    """Run an emulator on a port of its own."""
    (port,) = free_ports(1)
    with (folder / f"{kind}.log").open("wb") as log:
        process = subprocess.Popen(
            _command(kind, port, folder),
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **environ},
        )
    try:
        wait_until(lambda: _takes_connections(port), 60, f"the emulator of {kind} answers")
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _takes_connections(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="session")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, int]]:
    """Run the emulators, each with a bucket, and give their ports."""
    with ExitStack() as stack:
        found = {kind: stack.enter_context(emulator(kind, tmp_path_factory.mktemp(kind))) for kind in KINDS}
        with pytest.MonkeyPatch.context() as patch:
            for kind in KINDS:
                for name, value in environment(kind, found[kind]).items():
                    patch.setenv(name, value)
                if kind != "gs":  # it was told
                    fsspec.filesystem(kind, skip_instance_cache=True).mkdir(BUCKET)
        yield found


@pytest.fixture(params=KINDS)
def cloud(request: pytest.FixtureRequest, ports: Mapping[str, int], monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """Lead this process to each emulator in turn."""
    with TcpFaultProxy(("127.0.0.1", ports[request.param])) as proxy:
        environ = environment(request.param, proxy.port)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        yield Cloud(request.param, proxy, environ, ports[request.param])
