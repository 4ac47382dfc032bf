"""An object store that speaks S3 over TLS, on loopback, for tests: versitygw as the toolchain builds it."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from modules.leaving import settings
from modules.leaving.settings import ArchiveSettings
from tests.certificates import Certificate
from toolchain import build


@dataclass(frozen=True)
class ObjectStore:
    """A store that runs, with a bucket that can lock objects and one that cannot."""

    folder: Path
    endpoint: str
    access: str
    secret: str

    def settings_file(self, bucket: str = "archive", **more: str) -> Path:
        """Write settings of an archive in it."""
        lines = {"bucket": bucket, "endpoint": self.endpoint, "ca": "server.crt", "credentials": "credentials", **more}
        file = self.folder / f"{secrets.token_hex(4)}.yaml"
        file.write_text("".join(f"{name}: {value}\n" for name, value in lines.items()))
        return file

    def settings(self, bucket: str = "archive") -> ArchiveSettings:
        """Return settings of an archive in it."""
        return settings.load(self.settings_file(bucket))

    def client(self) -> Any:
        """Return a client with all rights."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.access,
            aws_secret_access_key=self.secret,
            verify=str(self.folder / "server.crt"),
            config=Config(s3={"addressing_style": "path"}),
        )


@contextmanager
def running(folder: Path) -> Iterator[ObjectStore]:
    """Start a store whose objects lie in a folder, and end it."""
    Certificate(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = ObjectStore(folder, f"https://127.0.0.1:{port}", secrets.token_hex(10), secrets.token_hex(20))
    content = f"[default]\naws_access_key_id = {made.access}\naws_secret_access_key = {made.secret}\n"
    (folder / "credentials").write_text(content)
    (folder / "credentials").chmod(0o600)
    for name in ("objects", "versions"):
        (folder / name).mkdir()
    program = build.ensure(["versitygw"])["versitygw"]
    words = [program, "--port", f"127.0.0.1:{port}", "--cert", folder / "server.crt", "--key", folder / "server.key"]
    words += ["--quiet", "posix", "--versioning-dir", folder / "versions", folder / "objects"]
    environment = {**os.environ, "ROOT_ACCESS_KEY": made.access, "ROOT_SECRET_KEY": made.secret}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *map(str, words)], env=environment, stdout=log, stderr=log
        )
    try:
        _wait(port, process, folder / "log")
        made.client().create_bucket(Bucket="archive", ObjectLockEnabledForBucket=True)
        made.client().create_bucket(Bucket="plain")
        yield made
    finally:
        process.kill()
        process.wait()


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"the object store did not start: {log.read_text()}")
