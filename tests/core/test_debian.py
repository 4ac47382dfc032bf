"""Debian's packages come from where this machine takes its own."""

from pathlib import Path

from core import debian


def test_the_machine_s_own_sources_are_used(tmp_path: Path) -> None:
    """A mirror of the state is taken over, in either format; lines that cannot serve a root are left out."""
    (tmp_path / "sources.list.d").mkdir()
    assert debian.mirrors("bookworm", tmp_path) == ""
    old = tmp_path / "sources.list"
    old.write_text(
        "# comment\ndeb cdrom:[x] bookworm main\ndeb-src http://m/ bookworm main\ndeb http://m/ bookworm main\n"
    )
    assert debian.mirrors("bookworm", tmp_path) == "deb http://m/ bookworm main\n"
    assert debian.mirrors("trixie", tmp_path) == ""
    new = tmp_path / "sources.list.d" / "debian.sources"
    new.write_text("Types: deb\nURIs: http://m/\nSuites: bookworm\nComponents: main\n")
    assert debian.mirrors("bookworm", tmp_path) == new.read_text()
