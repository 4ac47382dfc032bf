"""Layers that are the same wherever they are made."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

from toolchain.debian import kept, packages_in
from toolchain.layers import Item, program_layer, root_layer, write_layer


def a_program(path: Path, *, mode: int, time: int) -> Path:
    path.parent.mkdir()
    path.write_bytes(b"\x7fELF program")
    path.chmod(mode)
    os.utime(path, (time, time))
    return path


def test_a_layer_is_the_same_whoever_makes_it_and_when(tmp_path: Path) -> None:
    """Times, permissions and places on the machine that makes a layer do not reach it."""
    first = a_program(tmp_path / "a" / "p", mode=0o755, time=1)
    second = a_program(tmp_path / "b" / "q", mode=0o700, time=2_000_000_000)
    program_layer(tmp_path / "1.tar", "p", first, ["/x", "/a/y"])
    program_layer(tmp_path / "2.tar", "p", second, ["/a/y", "/x"])
    assert (tmp_path / "1.tar").read_bytes() == (tmp_path / "2.tar").read_bytes()


def test_another_program_makes_another_layer(tmp_path: Path) -> None:
    """The comparison above is not of two empty files."""
    program = a_program(tmp_path / "a" / "p", mode=0o755, time=1)
    program_layer(tmp_path / "1.tar", "p", program, [])
    program.write_bytes(b"\x7fELF PROGRAM")
    program_layer(tmp_path / "2.tar", "p", program, [])
    assert (tmp_path / "1.tar").read_bytes() != (tmp_path / "2.tar").read_bytes()


def test_what_a_layer_holds(tmp_path: Path) -> None:
    """Folders come before what is in them; all belongs to root and dates from the epoch; a program may be started."""
    program_layer(tmp_path / "l.tar", "p", a_program(tmp_path / "a" / "p", mode=0o600, time=5), ["/p"])
    with tarfile.open(tmp_path / "l.tar") as tar:
        members = {member.name: member for member in tar}
    assert list(members) == ["p", "usr", "usr/local", "usr/local/bin", "usr/local/bin/p"]
    assert members["usr/local/bin/p"].mode == 0o755
    assert members["p"].linkname == "/usr/local/bin/p"
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in members.values()} == {(0, 0, "", "", 0)}


def test_the_shared_layer_has_a_world_writable_tmp(tmp_path: Path) -> None:
    """A container that runs as no root can write to /tmp where its file system allows, and its user has a name."""
    root_layer(tmp_path / "root.tar")
    with tarfile.open(tmp_path / "root.tar") as tar:
        passwd = tar.extractfile("etc/passwd")
        assert passwd
        assert "nonroot:x:65532:65532:" in passwd.read().decode()
        assert tar.getmember("tmp").mode == 0o1777


def test_an_items_own_mode_for_a_folder_is_kept(tmp_path: Path) -> None:
    """A folder that is named is not replaced by the one made for what lies in it."""
    write_layer(tmp_path / "l.tar", [Item("a/b", 0o644, content=b"x"), Item("a", 0o700)])
    with tarfile.open(tmp_path / "l.tar") as tar:
        assert tar.getmember("a").mode == 0o700


def test_what_is_kept_of_debian_packages() -> None:
    """Programs, libraries and licences; no manuals, devices or settings of the machine that fetched them."""
    wanted = ["usr/sbin/nft", "lib64", "lib64/ld.so", "usr/lib/x/libnft.so.1", "usr/share/doc/nftables/copyright"]
    refused = ["etc/resolv.conf", "dev/null", "usr/share/man/man8/nft.8.gz", "usr/lib/x/gconv/A.so", "packages", "var"]
    assert [name for name in wanted + refused if kept(name)] == wanted


def test_packages_are_read_from_the_names_of_their_files() -> None:
    """An epoch in a version is written with %3a in a file's name."""
    listing = "libgmp10_2%3a6.2.1+dfsg1-1.1_amd64.deb\nlock\nnftables_1.0.6-2_amd64.deb\npartial\n"
    assert packages_in(listing) == {"libgmp10": "2:6.2.1+dfsg1-1.1", "nftables": "1.0.6-2"}
