"""Clocks of hosts that are played on one machine, each of which can be set wrong while everything runs.

The kernel has one clock of the day for all network namespaces. So a small library, compiled here, stands before the C
library in every process of the fleet (``LD_PRELOAD``). It adds the host's offset to the time of day alone.
It reads the offset anew at each call, from a file that processes share as memory: setting it is a step of the clock, as
an administrator makes one. Clocks that only count (``CLOCK_MONOTONIC``, ``CLOCK_BOOTTIME``) and every sleep stay true.

Needs a C compiler. A program that asks the kernel without the C library (a statically linked one) keeps the true time.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

from airfleet.fleet.planning.paths import HOST

#: names the folder of the offsets
_FOLDER = "AIRFLEET_TESTING_CLOCKS"
_SOURCE = """\
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile long long none = 0;
static const volatile long long *offset = &none;

__attribute__((constructor)) static void find_offset(void) {
    const char *folder = getenv("%(folder)s"), *host = getenv("%(host)s");
    char path[4096];
    if (!folder || !host || snprintf(path, sizeof path, "%%s/%%s", folder, host) >= (int)sizeof path) return;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    void *found = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (found != MAP_FAILED) offset = found;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    if (!result && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += *offset;
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    static int (*real)(struct timeval *, void *);
    if (!real) real = (int (*)(struct timeval *, void *))dlsym(RTLD_NEXT, "gettimeofday");
    int result = real(now, zone);
    if (!result) now->tv_sec += *offset;
    return result;
}

time_t time(time_t *kept) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (kept) *kept = now.tv_sec;
    return now.tv_sec;
}
"""


class ClockShim:
    """The clocks of hosts; all are right at first. ``folder`` is made, and every user has to reach it."""

    def __init__(self, folder: Path, hosts: tuple[str, ...]) -> None:
        self._folder = folder
        folder.mkdir()
        folder.chmod(0o755)
        for host in hosts:
            (folder / host).write_bytes(struct.pack("q", 0))
        self._library = _compile(folder)

    @property
    def environment(self) -> dict[str, str]:
        """Give the environment that every process of such a fleet needs."""
        return {"LD_PRELOAD": str(self._library), _FOLDER: str(self._folder)}

    def set(self, host: str, seconds_ahead: int) -> None:
        """Set the clock of a host, from now on so many seconds ahead of the true time (or behind it: below 0)."""
        with (self._folder / host).open("r+b") as file:  # in place: it is mapped
            file.write(struct.pack("q", seconds_ahead))


def _compile(folder: Path) -> Path:
    """Compile the library. Raises AssertionError when there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler, "clocks of hosts are set wrong by a library that a C compiler makes here, and there is none"
    source, library = folder / "clock.c", folder / "clock.so"
    source.write_text(_SOURCE % {"folder": _FOLDER, "host": HOST})
    subprocess.run(
        [compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"],
        check=True,
        capture_output=True,
        text=True,
    )
    return library
