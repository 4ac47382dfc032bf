"""One root for every error that a person is meant to read."""

from __future__ import annotations


class KitError(Exception):
    """Something a person can mend.

    ``message`` is one line that says what is wrong and where; ``hint`` is one line that says what to do.
    The command prints both and ends with exit code 1; it shows a traceback only when asked (``--debug``).
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class ProgramError(KitError):
    """A program that the kit started ended with an error; ``output`` holds what it printed."""

    def __init__(self, message: str, hint: str = "", output: str = "") -> None:
        super().__init__(message, hint)
        self.output = output
