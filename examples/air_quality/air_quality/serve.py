"""A file server for this machine only: ``python -m air_quality.serve --dir DIR --port 0``.

Serves the archives that :mod:`air_quality.sample` made, with ``Range`` and ``ETag``, so that the
real download path runs without the internet. Prints its address as the first line.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import re
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

_RANGE = re.compile(r"bytes=([0-9]+)-([0-9]*)")


class Handler(SimpleHTTPRequestHandler):
    """Files of one folder; whole, or from a given byte on."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Send a file, the part of it that was asked for, or a folder's index page."""
        path = Path(self.translate_path(self.path))
        if path.is_dir():
            super().do_GET()
            return
        try:
            file = path.open("rb")
        except OSError:
            self.send_error(HTTPStatus.NOT_FOUND, "no such file")
            return
        with file:
            self._send(file, os.fstat(file.fileno()))

    def _send(self, file: IO[bytes], stat: os.stat_result) -> None:
        etag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
        first, last = self._range(etag, stat.st_size)
        if first >= stat.st_size > 0:
            self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            self.send_header("Content-Range", f"bytes */{stat.st_size}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        partial = (first, last) != (0, stat.st_size - 1)
        self.send_response(HTTPStatus.PARTIAL_CONTENT if partial else HTTPStatus.OK)
        self.send_header("Content-Type", self.guess_type(self.path))
        self.send_header("Content-Length", str(last - first + 1))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", etag)
        if partial:
            self.send_header("Content-Range", f"bytes {first}-{last}/{stat.st_size}")
        self.end_headers()
        file.seek(first)
        self._copy(file, last - first + 1)

    def _range(self, etag: str, size: int) -> tuple[int, int]:
        """First and last byte to send. A version other than the one asked for is sent whole."""
        match = _RANGE.fullmatch(self.headers.get("Range", ""))
        if not match or self.headers.get("If-Range", etag) != etag:
            return 0, size - 1
        return int(match[1]), min(int(match[2] or size - 1), size - 1)

    def _copy(self, file: IO[bytes], count: int) -> None:
        if count and self.command == "GET":
            if file.tell() == 0 and count == os.fstat(file.fileno()).st_size:
                shutil.copyfileobj(file, self.wfile, 1 << 20)
                return
            while count and (block := file.read(min(count, 1 << 20))):
                self.wfile.write(block)
                count -= len(block)

    def log_message(self, format: str, *args: Any) -> None:
        """One line a request, on stderr."""
        print(f"{self.address_string()} {format % args}", file=sys.stderr)


class QuietHandler(Handler):
    """The same without a line a request."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def served(folder: Path, handler: type[Handler] = QuietHandler) -> Iterator[str]:
    """The address at which ``folder`` is served while the block runs."""
    server = _server(folder, 0, handler)
    thread = threading.Thread(target=server.serve_forever, name="file server", daemon=True)
    thread.start()
    try:
        yield _address(server)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main(arguments: list[str] | None = None) -> int:
    """Serve until the process is told to stop."""
    parser = argparse.ArgumentParser(prog="air_quality.serve", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dir", type=Path, required=True, help="the folder to serve")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--quiet", action="store_true", help="do not print a line for every request")
    options = parser.parse_args(arguments)
    if not options.dir.is_dir():
        parser.error(f"{options.dir} is not a folder")
    server = _server(options.dir, options.port, QuietHandler if options.quiet else Handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(_address(server), flush=True)
    with server, contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
    return 0


def _server(folder: Path, port: int, handler: type[Handler]) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", port), functools.partial(handler, directory=str(folder)))
    server.daemon_threads = True
    return server


def _address(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}"


if __name__ == "__main__":
    sys.exit(main())
