"""Breaking files of hosts. Several faults may edit one file at once, and end in any order.

The file as it was and the edits of every fault stand beside each other on the host itself; the file is always made anew
from these, so that whatever is left after a process was killed, the next switch ends in a state that is whole.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from testbed.faults.cloud import Cloud, Phase
from testbed.faults.fault import Change

KEPT = "/var/lib/govcloud-faults"
_RENDER = """
render() {
    next="$(dirname "$file")/.govcloud-fault"
    cp -a "$kept/before" "$next"
    for script in "$kept"/edits/*; do
        [ ! -e "$script" ] || sed -E -i -f "$script" "$next"
    done
    if cmp -s "$next" "$file"; then rm "$next"; else mv "$next" "$file"; fi
}
"""
_ON = """
mkdir -p -m 0700 "$kept/edits"
[ -e "$kept/before" ] || { cp -a "$file" "$kept/.before" && mv "$kept/.before" "$kept/before"; }
rm -f "$kept/edits/$fault"
render
sum="$(cksum < "$file")"
printf '%s\\n' "$edit" > "$kept/edits/$fault"
render
[ "$sum" != "$(cksum < "$file")" ] || { echo "$file: the edit changes nothing" >&2; exit 3; }
"""
_OFF = """
if [ -e "$kept/before" ]; then
    rm -f "$kept/edits/$fault"
    render
    rmdir "$kept/edits" 2>/dev/null && rm -r "$kept" || true
fi
"""

Hosts = Callable[[Cloud], Sequence[str]]
"""Which hosts of a cloud a change is for."""


@dataclass(frozen=True)
class Reader:
    """Who reads an edited file on a host, and how it is brought to read it anew."""

    what: str
    renew: Callable[[Cloud, str], None]


def nodes(cloud: Cloud) -> Sequence[str]:
    """Every Kubernetes node."""
    return cloud.hosts


def control_plane(cloud: Cloud) -> Sequence[str]:
    """Return the node of the control plane."""
    return [cloud.control_plane]


def services(cloud: Cloud) -> Sequence[str]:
    """Return the host of the cloud's services."""
    return [cloud.host_of("services")]


def edited(hosts: Hosts, edits: Mapping[str, str], reader: Reader | None = None) -> Change:
    """Edit files on hosts, each by a script of sed (extended expressions), and have the reader read them anew, once.

    Files are edited after the objects of all faults at hand were switched, since some end the API server for a while.
    A script that changes nothing is a mistake of the fault.
    """

    def run(body: str, cloud: Cloud) -> None:
        for host in hosts(cloud):
            what = f"{host}: edits of {cloud.fault} to {', '.join(edits)}"
            cloud.later(what, partial(edit, body, host, cloud), Phase.EDIT)

    def edit(body: str, host: str, cloud: Cloud, _: Cloud) -> None:
        for file, script in edits.items():
            cloud.ssh(host, _script(file, cloud.fault, script, body))
        if reader is not None:
            cloud.later(f"{host}: {reader.what}", partial(_renew, reader, host))

    return Change(partial(run, _ON), partial(run, _OFF))


def placed(hosts: Hosts, files: Mapping[str, str], reader: Reader | None = None) -> Change:
    """Put files where none are, and have the reader take notice."""

    def run(command: Callable[[str, str], str], cloud: Cloud) -> None:
        for host in hosts(cloud):
            for file, text in files.items():
                cloud.ssh(host, command(shlex.quote(file), shlex.quote(text)))
            if reader is not None:
                cloud.later(f"{host}: {reader.what}", partial(_renew, reader, host))

    return Change(
        partial(run, lambda file, text: f"mkdir -p $(dirname {file}) && printf '%s' {text} > {file}"),
        partial(run, lambda file, _: f"rm -f {file}"),
    )


def _renew(reader: Reader, host: str, cloud: Cloud) -> None:
    reader.renew(cloud, host)


def _script(file: str, fault: str, edit: str, body: str) -> str:
    values = {"file": file, "kept": f"{KEPT}{file}", "fault": fault, "edit": edit}
    settings = "\n".join(f"{name}={shlex.quote(value)}" for name, value in values.items())
    return f"set -eu\n{settings}\n{_RENDER}{body}"


def commands(hosts: Hosts, on: str, off: str) -> Change:
    """Run one command line to break and one to mend, both of which may be run again."""

    def run(cloud: Cloud, command: str) -> None:
        for host in hosts(cloud):
            cloud.ssh(host, command)

    return Change(lambda cloud: run(cloud, on), lambda cloud: run(cloud, off))


def unit(name: str, ready: str = "true") -> Reader:
    """Return a unit of systemd, which is started anew and given a minute until the command ``ready`` succeeds."""

    def renew(cloud: Cloud, host: str) -> None:
        wait = shlex.quote(f"until {ready}; do sleep 0.2; done")
        start = f"systemctl daemon-reload; systemctl reset-failed {name}; systemctl restart {name}"
        cloud.ssh(host, f"{start} && timeout 60 sh -c {wait}")

    return Reader(name, renew)


_EDGE_FILTER = unit("govcloud-edge-filter.service")


def edge(hosts: Hosts, edit: str) -> Change:
    """Edit by a script of sed whom the edge of hosts lets in, and to which ports."""
    return edited(hosts, {"/etc/govcloud/edge.nft": edit}, _EDGE_FILTER)
