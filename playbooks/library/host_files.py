"""Ansible module: many files of a host in one step, each written whole and only where it differs."""

from __future__ import annotations

DOCUMENTATION = """
module: host_files
short_description: Install configuration files and programs in one step
description:
  - Writes every file of a role at once, which costs one round trip instead of one for each file.
  - A file is replaced by renaming, so that a reader sees the old one or the new one.
options:
  files:
    description: Files with C(path), C(content) or C(base64) and, unless they are 0644 and root's, C(mode) and C(owner).
    type: list
    elements: dict
    default: []
  programs:
    description:
      - Programs with C(path) and C(source), a path relative to C(media). They are copied with their time stamp and
        taken as installed while size and time stamp agree. What is copied has to have the SHA-256 of the manifest.
    type: list
    elements: dict
    default: []
  media:
    description: Folder of the installation media.
    type: path
    default: /srv/govcloud
  requires:
    description: Programs that the host has to have already, each with the Debian package it comes in.
    type: dict
    default: {}
  pending:
    description:
      - A file that is made before anything is written. While it stands the module reports a change, so that a run that
        was killed before it restarted what it had to restart is made up for. Whoever restarted removes it.
    type: path
"""
RETURN = """
written:
  description: Paths that were written.
  type: list
  returned: always
"""

import base64  # noqa: E402 - Ansible reads the documentation first
import hashlib  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import shutil  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # type: ignore[import-untyped]  # noqa: E402 - Ansible has no types

SEARCH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class BadMediaError(Exception):
    """The installation media is not what its manifest says."""


def same_file(path: Path, content: bytes, mode: int, owner: str) -> bool:
    """Whether ``path`` is already what it shall be."""
    try:
        status = path.lstat()
        return (
            status.st_mode & 0o7777 == mode
            and path.owner() == owner
            and not path.is_symlink()
            and path.read_bytes() == content
        )
    except (FileNotFoundError, KeyError):
        return False


def write_file(path: Path, content: bytes, mode: int, owner: str) -> None:
    """Write a file whole; its mode and owner hold before it has its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    shutil.chown(fresh, owner)
    fresh.chmod(mode)
    fresh.replace(path)


def same_program(path: Path, source: Path) -> bool:
    """Whether a program was copied from this source before."""
    try:
        here, there = path.stat(), source.stat()
    except FileNotFoundError:
        return False
    return (here.st_size, here.st_mtime_ns) == (there.st_size, there.st_mtime_ns) and bool(here.st_mode & 0o111)


def copy_program(path: Path, source: Path, digest: str) -> None:
    """Copy a program and compare what was copied with its digest before it gets its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    shutil.copyfile(source, fresh)
    with fresh.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != digest:
        fresh.unlink()
        raise BadMediaError(f"{source}: SHA-256 {found} is not the manifest's {digest}")
    fresh.chmod(0o755)
    shutil.copystat(source, fresh)
    fresh.chmod(0o755)
    fresh.replace(path)


def content_of(entry: dict[str, Any]) -> bytes:
    """Return the bytes that a file shall have."""
    return base64.b64decode(entry["base64"]) if "base64" in entry else str(entry["content"]).encode()


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "list", "elements": "dict", "default": []},
            "programs": {"type": "list", "elements": "dict", "default": []},
            "media": {"type": "path", "default": "/srv/govcloud"},
            "pending": {"type": "path"},
            "requires": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    if lacking := lacks(module.params["requires"]):
        module.fail_json(msg=lacking)
    written: list[str] = []
    pending = Path(module.params["pending"]) if module.params["pending"] else None
    left = pending is not None and pending.exists()
    try:
        programs, files = wanted_programs(module.params), wanted_files(module.params)
        written += [str(path) for path in (*programs, *files)]
        if written and not module.check_mode:
            if pending is not None:
                pending.parent.mkdir(parents=True, exist_ok=True)
                pending.touch()
            install_programs(module.params, programs)
            for path, entry in files.items():
                write_file(path, *entry)
    except (OSError, LookupError, BadMediaError, json.JSONDecodeError) as error:
        module.fail_json(msg=str(error), written=written)
    module.exit_json(changed=bool(written) or left, written=written)


def lacks(requires: dict[str, str]) -> str:
    """Say which programs the host lacks and how it gets them; '' when it has all."""
    missing = sorted(name for name in requires if shutil.which(name, path=SEARCH) is None)
    packages = " ".join(sorted({requires[name] for name in missing}))
    return f"this host lacks {', '.join(missing)}: apt-get install {packages}" if missing else ""


def wanted_files(parameters: dict[str, Any]) -> dict[Path, tuple[bytes, int, str]]:
    """Return content, mode and owner of the files that are not yet what they shall be."""
    entries = {
        Path(e["path"]): (content_of(e), int(str(e.get("mode", "0644")), 8), str(e.get("owner", "root")))
        for e in parameters["files"]
    }
    return {path: entry for path, entry in entries.items() if not same_file(path, *entry)}


def wanted_programs(parameters: dict[str, Any]) -> dict[Path, str]:
    """Return the programs that are not there yet, with their places on the media."""
    media = Path(parameters["media"])
    entries = {Path(p["path"]): str(p["source"]) for p in parameters["programs"]}
    return {path: source for path, source in entries.items() if not same_program(path, media / source)}


def install_programs(parameters: dict[str, Any], programs: dict[Path, str]) -> None:
    """Copy programs from the media."""
    media = Path(parameters["media"])
    if programs and not (media / "manifest.json").is_file():
        raise BadMediaError(f"{media} holds no installation media: mount or copy it there, or set media_dir")
    digests = json.loads((media / "manifest.json").read_text())["files"] if programs else {}
    for path, source in programs.items():
        copy_program(path, media / source, digests[source])


if __name__ == "__main__":
    main()
