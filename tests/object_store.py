"""An object store that speaks S3 over TLS, on loopback, for tests: versitygw as the toolchain builds it."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
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
from tests.waiting import eventually
from toolchain import build


@dataclass(frozen=True)
class ObjectStore:
    """A store that runs, with a bucket that can lock objects and one that cannot."""

    folder: Path
    endpoint: str
    access: str
    secret: str
    program: Path

    def settings_file(self, bucket: str = "archive", **more: str) -> Path:
        """Write settings of an archive in it."""
        lines = {"bucket": bucket, "endpoint": self.endpoint, "ca": "server.crt", "credentials": "credentials", **more}
        file = self.folder / f"{secrets.token_hex(4)}.yaml"
        file.write_text("".join(f"{name}: {value}\n" for name, value in lines.items()))
        return file

    def settings(self, bucket: str = "archive") -> ArchiveSettings:
        """Return settings of an archive in it."""
        return settings.load(self.settings_file(bucket))

    def account(self, name: str, role: str = "userplus") -> Path:
        """Make an account, by its role one with buckets of its own, and return the file with its credentials."""
        file = self.folder / f"{name}.yaml"
        secret = secrets.token_hex(20)
        file.write_text(f"access: {name}\nsecret: {secret}\n")
        words = ["admin", "--endpoint-url", self.endpoint, "--access", self.access, "--secret", self.secret]
        words += ["--allow-insecure", "create-user", "--access", name, "--secret", secret, "--role", role]
        subprocess.run([self.program, *words], check=True, capture_output=True)
        return file

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
def running(folder: Path, *, versions: bool = True) -> Iterator[ObjectStore]:
    """Start a store whose objects lie in a folder, and end it; without ``versions`` it keeps none."""
    Certificate(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = build.ensure(["versitygw"])["versitygw"]
    made = ObjectStore(folder, f"https://127.0.0.1:{port}", secrets.token_hex(10), secrets.token_hex(20), program)
    content = f"[default]\naws_access_key_id = {made.access}\naws_secret_access_key = {made.secret}\n"
    (folder / "credentials").write_text(content)
    (folder / "credentials").chmod(0o600)
    for name in ("objects", "versions", "accounts"):
        (folder / name).mkdir()
    words = [
        program,
        "--port",
        f"127.0.0.1:{port}",
        "--port",
        f"[::1]:{port}",
        "--cert",
        folder / "server.crt",
        "--key",
        folder / "server.key",
    ]
    words += ["--quiet", "--iam-dir", folder / "accounts", "--iam-cache-disable", "posix"]
    words += [*(["--versioning-dir", folder / "versions"] if versions else []), folder / "objects"]
    environment = {**os.environ, "ROOT_ACCESS_KEY": made.access, "ROOT_SECRET_KEY": made.secret}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *map(str, words)], env=environment, stdout=log, stderr=log
        )
    try:
        _wait(port, process, folder / "log")
        made.client().create_bucket(Bucket="archive", ObjectLockEnabledForBucket=versions)
        made.client().create_bucket(Bucket="plain")
        yield made
    finally:
        process.kill()
        process.wait()


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    def answers() -> bool:
        assert process.poll() is None, f"the object store did not start: {log.read_text()}"
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            with socket.socket(family) as probe:
                if probe.connect_ex((address, port)) != 0:
                    return False
        return True

    eventually(answers, "the object store answers in both families")
