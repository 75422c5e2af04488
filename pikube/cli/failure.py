"""Declaration: a start that failed for a reason a person can cure: one sentence, exit code 1."""

from __future__ import annotations


class StartupError(Exception):
    """The message says what is wrong and what to do about it."""
