"""Starting other programs: argument lists only, never a shell."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.errors import ProgramError


def run(
    arguments: Sequence[str | Path],
    *,
    stdin: str | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and return it with its output as text.

    Raises ProgramError, with the last line of what the program said, when it cannot start, takes longer than
    ``timeout`` seconds, or (with ``check``) ends with a code other than 0.
    """
    words = [str(a) for a in arguments]
    try:
        done = subprocess.run(
            words, input=stdin, cwd=cwd, env=env, timeout=timeout, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise ProgramError(f"{words[0]}: this program is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise ProgramError(f"{words[0]} did not end within {timeout:.0f} s") from error
    if check and done.returncode != 0:
        output = done.stderr.strip() or done.stdout.strip()
        last = output.splitlines()[-1] if output else "no output"
        raise ProgramError(f"{' '.join(words[:3])} ended with code {done.returncode}: {last}", output=output)
    return done
