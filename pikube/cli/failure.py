"""Declaration: a start that failed for a reason a person can cure: one sentence and an exit code."""

from __future__ import annotations

FAILED = 1
NO_MEMBER = 77
"""EX_NOPERM of sysexits.h: the cluster says that this board is its node no longer, and asking again does not help;
systemd does not repeat it (RestartPreventExitStatus)."""


class StartupError(Exception):
    """The message says what is wrong and what to do about it."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code
