"""A host that is far away: its packets take their time, and some are lost.

::

    eth0 of the host ═ bridge            before and after
    far  of the host ─ relay ─ bridge    meanwhile

The relay passes Ethernet frames between two TAP devices, one in the host's namespace and one on the bridge, in a
thread of this process. The one in the namespace has the host's address and eth0's own hardware address, so nobody has
to learn anything and connections go on. (The kernel's own emulator, ``netem``, is not there on every machine.)
"""

from __future__ import annotations

import fcntl
import heapq
import itertools
import json
import os
import random
import selectors
import struct
import threading
import time

from airfleet.agent.host.netns import MEASUREMENTS, ip
from airfleet.fleet.planning.local_hosts import Network

_FRAME = 65536
_TUNSETIFF, _IFF_TAP, _IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
#: what the host calls the device
_FAR = "far0"


class LatencyLink:
    """The link of one host; they count from 1. ``delay_seconds`` and the share ``lost`` are those of each direction."""

    def __init__(self, network: Network, host: int, delay_seconds: float, lost: float, chance: random.Random) -> None:
        self._namespace = network.namespace(host)
        self._address = f"{network.prefix}.{host}/24"
        self._bridge = network.bridge
        self._machine = f"{network.prefix}.254"
        self._names = f"{network.link(host)}n", f"{network.link(host)}f"
        self._delay = delay_seconds
        self._lost = lost
        self._chance = chance
        self._taps: tuple[int, ...] = ()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._relay, name="far link", daemon=True)

    def begin(self) -> None:
        """Move the host far away. Raises FleetError, OSError."""
        near, far = self._names
        self._taps = _tap(near), _tap(far)
        (eth0,) = json.loads(ip("-j", "-n", self._namespace, "link", "show", "eth0"))
        ip("link", "set", near, "master", self._bridge)
        ip("link", "set", near, "up")
        ip("link", "set", far, "netns", self._namespace, "name", _FAR)
        self._in_host("link", "set", _FAR, "address", eth0["address"])
        self._thread.start()
        self._move("eth0", _FAR)

    def end(self) -> None:
        """Move the host near again."""
        self._move(_FAR, "eth0")
        self._closing.set()
        self._thread.join()
        for tap in self._taps:
            os.close(tap)  # which removes its device

    def _move(self, before: str, after: str) -> None:
        self._in_host("link", "set", before, "down")
        self._in_host("addr", "del", self._address, "dev", before)
        self._in_host("addr", "add", self._address, "dev", after)
        self._in_host("link", "set", after, "up")
        self._in_host("route", "add", MEASUREMENTS, "via", self._machine)  # the other went with its device

    def _in_host(self, *words: str) -> None:
        ip("-n", self._namespace, *words)

    def _relay(self) -> None:
        near, far = self._taps
        other = {near: far, far: near}
        number = itertools.count()
        waiting: list[tuple[float, int, int, bytes]] = []
        with selectors.DefaultSelector() as selector:
            for tap in self._taps:
                selector.register(tap, selectors.EVENT_READ)
            while not self._closing.is_set():
                pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else 0.1
                for key, _ in selector.select(min(pause, 0.1)):
                    frame = os.read(key.fd, _FRAME)
                    if self._chance.random() >= self._lost:
                        heapq.heappush(waiting, (time.monotonic() + self._delay, next(number), other[key.fd], frame))
                while waiting and waiting[0][0] <= time.monotonic():
                    _, _, tap, frame = heapq.heappop(waiting)
                    _pass_on(tap, frame)


def _pass_on(tap: int, frame: bytes) -> None:
    try:
        os.write(tap, frame)
    except OSError:  # the device is down, before the first and after the last moment
        pass


def _tap(name: str) -> int:
    """Open a TAP device, which exists as long as this descriptor. Raises OSError."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TAP | _IFF_NO_PI))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
