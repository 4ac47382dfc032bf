"""The output of tar in a pod, as a stream: whole, or an error; never a part that looks whole."""

from __future__ import annotations

import io
import tarfile

import pytest

from core.errors import KitError
from govcloud.offboarding.volumes import Output, pod, security
from modules.leaving.models import Volume


class Channel:
    """A connection that behaves as the library's: reading any channel takes in all that has come, the end included."""

    def __init__(self, frames: list[bytes], code: int = 0, said: bytes = b"") -> None:
        self.frames = frames
        self.returncode = code
        self.channels = {1: b"", 2: said}
        self.open = True

    def is_open(self) -> bool:
        return self.open

    def read_channel(self, channel: int, timeout: float = 0) -> bytes:  # noqa: ARG002
        if not self.channels[channel] and self.open:
            if self.frames:
                self.channels[1] += self.frames.pop(0)
            if not self.frames:
                self.open = False
        taken, self.channels[channel] = self.channels[channel], b""
        return taken


def tar() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as file:
        info = tarfile.TarInfo("x")
        info.size = 5000
        file.addfile(info, io.BytesIO(b"x" * 5000))
    return content.getvalue()


def read(channel: Channel, size: int = 700) -> bytes:
    output, found = Output(channel, "agc-a/files"), b""
    while taken := output.read(size):
        found += taken
    return found


@pytest.mark.parametrize("pieces", [1, 2, 3, 7])
def test_every_byte_arrives(pieces: int) -> None:
    """What comes together with the end of the connection is part of the stream."""
    whole = tar()
    step = -(-len(whole) // pieces)
    assert read(Channel([whole[i : i + step] for i in range(0, len(whole), step)])) == whole


def test_failure_of_tar_is_told() -> None:
    """A file that cannot be read makes the whole volume fail, with tar's own words."""
    with pytest.raises(KitError, match=r"agc-a/files: tar could not read all of it: tar: \./a: Permission denied"):
        read(Channel([tar()], 2, b"tar: ./a: Permission denied\n"))


@pytest.mark.parametrize("kept", [0, 512, 5000, 5632])
def test_cut_stream_is_refused(kept: int) -> None:
    """A stream without the end of a tar is refused, even where tar is said to have ended well."""
    with pytest.raises(KitError, match="cut off"):
        read(Channel([tar()[:kept]] if kept else [b""]))


def test_volume_is_read_as_its_workload() -> None:
    """The pod is the workload's user, changes nothing, and passes Pod Security 'restricted'."""
    spec = {
        "securityContext": {"runAsUser": 1, "fsGroup": 7, "runAsNonRoot": True},
        "containers": [{"securityContext": {"runAsUser": 70}}],
    }
    reader = security(spec)
    assert reader == {"runAsUser": 70, "fsGroup": 7, "fsGroupChangePolicy": "OnRootMismatch"}
    volume = Volume(namespace="agc-a", claim="files", uid="u", size="1Gi", bound=True, reader=reader)
    made = pod(volume, "image:1")["spec"]
    assert made["securityContext"]["runAsUser"] == 70
    assert made["containers"][0]["volumeMounts"][0]["readOnly"]
    assert made["volumes"][0]["persistentVolumeClaim"]["readOnly"]
