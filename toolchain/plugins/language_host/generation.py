"""Code that is generated: by Pulumi's own generators, which the toolchain builds as a program of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any, TypeVar

PROGRAM = "pulumi-codegen-python"

Response = TypeVar("Response")


class GenerationError(Exception):
    """The generators did not do it; the message says what they said."""


def answer(method: str, request: Any, response: type[Response]) -> Response:
    """Have the generators answer a request of the engine's."""
    program = Path(os.environ.get("PULUMI_HOME", "")) / "bin" / PROGRAM
    try:
        done = subprocess.run([program, method], input=request.SerializeToString(), capture_output=True, check=False)
    except OSError as error:
        raise GenerationError(f"{program} cannot be started: {error.strerror}; `govcloud env` puts it there") from error
    if done.returncode:
        raise GenerationError(done.stderr.decode(errors="replace").strip() or f"{method} failed without a word")
    return response.FromString(done.stdout)  # type: ignore[attr-defined, no-any-return]
