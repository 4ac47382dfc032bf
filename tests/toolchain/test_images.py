"""The images: their names and versions at once, and the real tars where the programs are built."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from core.files import sha256
from core.programs import run
from toolchain import build, debian, images, media, store
from toolchain.golang import architecture


def test_references_carry_the_version_of_the_program() -> None:
    """An image's tag is its program's version, so that kubeadm and people find it by the version they know."""
    catalogue = images.load()
    assert catalogue.reference("kube-apiserver") == "govcloud.local/kube-apiserver:v1.36.3"
    assert catalogue.reference("pause") == "govcloud.local/pause:3.10.2"
    assert catalogue.reference("agnhost") == "govcloud.local/agnhost:v1.36.3"


def unpack(tar: Path, into: Path) -> None:
    """Lay an image's layers over one another in a folder."""
    into.mkdir()
    with tarfile.open(tar) as image:
        (entry,) = json.loads((image.extractfile("manifest.json") or pytest.fail("no manifest")).read())
        for layer in entry["Layers"]:
            with tarfile.open(fileobj=image.extractfile(layer)) as files:
                files.extractall(into, filter="tar")


@pytest.mark.toolchain
def test_the_same_inputs_make_the_same_images(tmp_path: Path) -> None:
    """Made a second time, elsewhere and at another time, every image tar has the same bytes."""
    first = images.ensure()
    catalogue = images.load()
    programs = build.ensure(["crane", *(image.program for image in catalogue.images.values())])
    packages = {image.debian for image in catalogue.images.values() if image.debian}
    bases = {names: debian.ensure(catalogue.debian_suite, names) for names in packages}
    images.make(catalogue, programs, bases, tmp_path)
    assert {p.name: sha256(p) for p in tmp_path.iterdir()} == store.sealed_digests(first)


@pytest.mark.toolchain
@pytest.mark.parametrize("name", sorted(images.load().images))
def test_an_image_names_itself_its_platform_and_its_program(name: str, tmp_path: Path) -> None:
    """A runtime finds the image by its name, does not filter it out by platform, and starts a program that is there."""
    tar = images.ensure() / f"{name}.tar"
    config: dict[str, Any] = images.config(tar)
    with tarfile.open(tar) as file:
        (entry,) = json.loads((file.extractfile("manifest.json") or pytest.fail("no manifest")).read())
    assert entry["RepoTags"] == [images.load().reference(name)]
    assert (config["os"], config["architecture"]) == ("linux", architecture())
    unpack(tar, tmp_path / "root")
    (entrypoint,) = config["config"]["Entrypoint"]
    program = tmp_path / "root" / entrypoint.lstrip("/")
    assert program.stat().st_mode & 0o777 == 0o755
    built = images.load().images[name].program
    assert sha256(program) == sha256(build.ensure([built])[built])


@pytest.mark.toolchain
def test_the_workload_image_runs_as_no_root() -> None:
    """The images agnhost and pause meet the 'restricted' profile: a numeric user that is not root."""
    folder = images.ensure()
    for name in ("agnhost", "pause"):
        user = images.config(folder / f"{name}.tar")["config"]["User"]
        assert int(user.split(":")[0]) > 0


@pytest.mark.toolchain
def test_the_workload_runs_without_rights_on_a_read_only_root(tmp_path: Path) -> None:
    """In its image alone, as its user, with no capability and nothing writable, agnhost answers over HTTP on IPv6."""
    unpack(images.ensure() / "agnhost.tar", tmp_path / "root")
    script = """
        mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && ip link set lo up || exit 1
        in_image() { setpriv --no-new-privs chroot --userspec=65532:65532 "$root" "$@"; }
        root=$0
        in_image /agnhost netexec --http-port=8080 --udp-port=-1 &
        for attempt in $(seq 150); do
            sleep 0.2
            in_image /agnhost connect "[::1]:8080" --timeout=2s && { echo answered; exit; }
        done
    """
    isolated = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"]
    done = run([*isolated, "sh", "-c", script, tmp_path / "root"], timeout=120, check=False)
    assert "answered" in done.stdout, done.stderr


@pytest.mark.toolchain
def test_the_proxys_image_has_a_working_nft(tmp_path: Path) -> None:
    """kube-proxy in nftables mode calls nft: it starts from the image's own libraries."""
    unpack(images.ensure() / "kube-proxy.tar", tmp_path / "root")
    assert "nftables v1." in run(["chroot", tmp_path / "root", "/usr/sbin/nft", "--version"]).stdout
    assert "v1.36.3" in run(["chroot", tmp_path / "root", "/usr/local/bin/kube-proxy", "--version"]).stdout


@pytest.mark.toolchain
def test_the_media_hold_what_their_manifest_says() -> None:
    """The installation media state the SHA-256 of every file, and hold these files and no other."""
    folder = media.ensure()
    manifest = json.loads((folder / media.MANIFEST).read_text())
    found = {p.relative_to(folder).as_posix(): sha256(p) for p in folder.rglob("*") if p.is_file()}
    assert found.keys() - manifest["files"].keys() == {media.MANIFEST, store.SEAL}
    assert manifest["files"].items() <= found.items()
    assert {"bin/kubeadm", "cni/bridge", "images/pause.tar"} <= manifest["files"].keys()
    assert (manifest["schema"], manifest["kubernetes"], manifest["pause"]) == (1, "v1.36.3", "3.10.2")
