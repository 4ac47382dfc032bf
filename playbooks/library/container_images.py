"""Ansible module: images of the installation media in containerd's store, imported where they are absent."""

from __future__ import annotations

DOCUMENTATION = """
module: container_images
short_description: Import container images from the installation media
description:
  - Imports the image archives whose images containerd does not have. Several are imported at once.
options:
  media:
    description: Folder of the installation media.
    type: path
    default: /srv/govcloud
  archives:
    description: Names of archives under C(images/), without C(.tar).
    type: list
    elements: str
    required: true
"""
RETURN = """
imported:
  description: Names of the images that were imported.
  type: list
  returned: always
"""

import hashlib  # noqa: E402 - Ansible reads the documentation first
import json  # noqa: E402
import subprocess  # noqa: E402
import tarfile  # noqa: E402
import time  # noqa: E402
from concurrent.futures import ThreadPoolExecutor  # noqa: E402
from pathlib import Path  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # type: ignore[import-untyped]  # noqa: E402 - Ansible has no types

CTR = ["/usr/local/bin/ctr", "--namespace", "k8s.io"]
START_SECONDS = 20


class ImportFailedError(Exception):
    """An archive could not be imported."""


def names_in(archive: Path) -> list[str]:
    """Return the names of the images in an archive."""
    with tarfile.open(archive) as tar:
        manifest = tar.extractfile("manifest.json")
        if manifest is None:
            raise ImportFailedError(f"{archive}: it has no manifest.json")
        return [name for image in json.load(manifest) for name in image["RepoTags"]]


def present() -> set[str]:
    """Return the names of the images in containerd's store; wait for a containerd that has just been started."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        done = subprocess.run([*CTR, "images", "list", "-q"], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return set(done.stdout.split())
        if time.monotonic() > deadline:
            raise ImportFailedError(f"containerd does not answer: {done.stderr.strip()}")
        time.sleep(0.2)


def import_archive(archive: Path, digest: str) -> None:
    """Import one archive after comparing it with its digest."""
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != digest:
        raise ImportFailedError(f"{archive}: SHA-256 {found} is not the manifest's {digest}")
    command = [*CTR, "images", "import", "--local", "--no-unpack", str(archive)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ImportFailedError(f"{archive}: {done.stderr.strip()}")


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "media": {"type": "path", "default": "/srv/govcloud"},
            "archives": {"type": "list", "elements": "str", "required": True},
        },
        supports_check_mode=True,
    )
    media = Path(module.params["media"])
    try:
        archives = [media / "images" / f"{name}.tar" for name in module.params["archives"]]
        names = {archive: names_in(archive) for archive in archives}
        here = present()
        missing = [archive for archive in archives if not here.issuperset(names[archive])]
        if missing and not module.check_mode:
            digests = json.loads((media / "manifest.json").read_text())["files"]
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(lambda a: import_archive(a, digests[str(a.relative_to(media))]), missing))
    except (OSError, LookupError, ImportFailedError, tarfile.TarError, json.JSONDecodeError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(missing), imported=[name for archive in missing for name in names[archive]])


if __name__ == "__main__":
    main()
