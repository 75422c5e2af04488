"""Shell: the last words of a container: the file at terminationMessagePath, or the end of its log.

Source: kubernetes kuberuntime_container.go:getTerminationMessage (4096 bytes of the file; the last 80 lines and
2048 bytes of the log, for a container that failed without a message).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pikube.agent.log_lines import split_line
from pikube.agent.runtime.contract import Container

MESSAGE_BYTES = 4096
LOG_BYTES, LOG_LINES = 2048, 80
READ_BYTES = 16 * 1024  # of the log, whose lines carry some fifty bytes of their own


def message_file(pod_dir: Path, name: str, attempt: int) -> Path:
    """The file that a container finds at its terminationMessagePath."""
    return pod_dir / "messages" / name / str(attempt)


def make_message_file(path: Path) -> str:
    """An empty one, for any user. Raises OSError."""
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    path.write_bytes(b"")
    path.chmod(0o666)
    return str(path)


def last_words(pod_dir: Path, declared: Any, container: Container) -> str:
    """What the status of an ended container says."""
    text = _tail(message_file(pod_dir, container.name, container.attempt), MESSAGE_BYTES)
    wants_log = getattr(declared, "termination_message_policy", "") == "FallbackToLogsOnError"
    if text or not wants_log or container.exit_code == 0:
        return text.decode("utf-8", "replace")
    data = _tail(pod_dir / "logs" / container.name / f"{container.attempt}.log", READ_BYTES)
    lines = [
        parsed[3] if parsed[2] else parsed[3] + b"\n"
        for line in data.split(b"\n")
        if (parsed := split_line(line)) is not None
    ]
    return b"".join(lines[-LOG_LINES:])[-LOG_BYTES:].decode("utf-8", "replace")


def _tail(path: Path, count: int) -> bytes:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - count))
            return file.read(count)
    except OSError:
        return b""
