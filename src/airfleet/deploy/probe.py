"""The question to a host before anything changes: one script of ``sh``, which prints a line for each fact."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final

from airfleet.deploy import layout

#: what root alone may do, as ``sudo`` runs it; the folder follows the first
OWN_FOLDER: Final = 'install -d -m 711 -o "$(id -un)" -g "$(id -gn)"'
LINGER: Final = 'loginctl enable-linger "$(id -un)"'
#: what the script gets as variables: FOLDER, PYTHONS, REACH (``host port`` pairs), SERVERS (paths of programs)
_SCRIPT: Final = r"""
say() { printf '%s\t%s\n' "$1" "$2"; }
one_line() { tr -d '\n'; }
case $FOLDER in /*) ;; *) FOLDER=$HOME/$FOLDER ;; esac
say folder "$FOLDER"
say user "$(id -un)"
say uid "$(id -u)"
say system "$(uname -s)"
say machine "$(uname -m)"
say glibc "$(getconf GNU_LIBC_VERSION 2>/dev/null)"
say time "$(date +%s.%N)"
say memory "$(awk '/^MemTotal:/ {print $2 * 1024}' /proc/meminfo)"
above=$FOLDER
while [ ! -d "$above" ]; do above=$(dirname "$above"); done
[ -w "$above" ] && say writable "$above"
[ "$above" = "$FOLDER" ] && [ ! -w "$above" ] && { [ ! -r "$above" ] || [ -n "$(ls -A "$above")" ]; } &&
    say owner "$(stat -c %U "$above")"
at=$above
while [ "$at" != / ]; do
    case $(stat -c %A "$at") in *x|*t) ;; *) say closed "$at" ;; esac
    at=$(dirname "$at")
done
say disk "$(df -Pk "$above" | awk 'NR == 2 {print $4 * 1024}')"
[ -d /run/systemd/system ] && say systemd yes
[ -e "/var/lib/systemd/linger/$(id -un)" ] && say lingers yes
say "lowest port" "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start 2>/dev/null)"
# sudo is asked only where root has something to do: to users without it, it may report them. Only a command that runs
# shows that it asks no password; its list has what it allows, unless the list needs a password of its own.
may() { sudo -n true && { sudo -n -l "$@" || ! sudo -n -l; }; }
if [ "$(id -u)" != 0 ]; then
    [ -w "$above" ] || { may @OWN_FOLDER@ "$FOLDER" >/dev/null 2>&1 && say sudo folder; }
    [ ! -d /run/systemd/system ] || [ -e "/var/lib/systemd/linger/$(id -un)" ] ||
        { may @LINGER@ >/dev/null 2>&1 && say sudo linger; }
fi
for name in $PYTHONS; do
    found=$(command -v "python$name") && say python "$name $found"
done
found=$(command -v python3) && say python "$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])') $found"
found=$(command -v uv || ls "$HOME/.local/bin/uv" 2>/dev/null) && say uv "$found"
for program in tar gzip bash awk timeout; do command -v $program >/dev/null || say lacks $program; done
PATH=$PATH:/usr/sbin:/usr/local/sbin
look_for() {
    found=$(command -v "$1") && printf 'server\t%s\t%s\n' "$found" "$("$found" --version 2>/dev/null | one_line)"
}
for server in postgres /usr/lib/postgresql/*/bin/postgres /usr/pgsql-*/bin/postgres redis-server valkey-server; do
    look_for "$server"
done
echo "$SERVERS" | while read -r server; do
    [ -n "$server" ] && look_for "$server"
done
awk '$4 == "0A" {print "listens\t" $2}' /proc/net/tcp /proc/net/tcp6 2>/dev/null
echo "$REACH" | while read -r host port; do
    [ -n "$host" ] || continue
    if timeout 5 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$host" "$port" 2>/dev/null; then
        say reaches "$host $port"
    else
        say misses "$host $port"
    fi
done
cd "$FOLDER" 2>/dev/null || exit 0
for link in current previous; do
    [ -e "$link/@RECORD@" ] && say "$link" "$(one_line < "$link/@RECORD@")"
done
for whole in environments/*/@WHOLE@; do
    [ -e "$whole" ] && say environment "$(basename "$(dirname "$whole")")"
done
for whole in versions/*/@RECORD@; do
    [ -e "$whole" ] && say version "$(basename "$(dirname "$whole")")"
done
[ -e deploy.lock ] && say lock "$(one_line < deploy.lock)"
if [ -e .airfleet/secrets.json ]; then
    say secrets "$(for python in current/python python3; do
        "$python" -c 'import hashlib, json
kept = json.load(open(".airfleet/secrets.json"))
print(json.dumps({name: hashlib.sha256(str(kept[name]).encode()).hexdigest() for name in kept}))' 2>/dev/null && break
    done)"
fi
[ -x @COMMAND@ ] && say status "$(./@COMMAND@ status -o json 2>/dev/null | one_line)"
exit 0
"""


def script(folder: str, pythons: Sequence[str], reach: Sequence[tuple[str, int]], servers: Sequence[str] = ()) -> str:
    """Write the script for a host; ``reach`` are servers that it has to reach, ``servers`` programs of its own."""
    told = {
        "FOLDER": folder,
        "PYTHONS": " ".join(pythons),
        "REACH": "\n".join(f"{host} {port}" for host, port in reach),
        "SERVERS": "\n".join(servers),
    }
    head = "\n".join(f"{name}={shlex.quote(value)}" for name, value in told.items())
    words = {
        "@RECORD@": layout.RECORD,
        "@WHOLE@": layout.WHOLE,
        "@COMMAND@": layout.COMMAND,
        "@OWN_FOLDER@": OWN_FOLDER,
        "@LINGER@": LINGER,
    }
    body = _SCRIPT
    for mark, said in words.items():
        body = body.replace(mark, said)
    return head + body
