"""Shell: looks at Podman for the preflight, through the API that the agent will use: a service of its own, started
for the look and ended after it. One sandbox is run and removed; nothing else is changed.

The agent has an async client of its own; here a call at a time is enough, so podman-py makes them. It is imported
only when somebody looks.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pikube.agent.runtime.groups import remove_groups
from pikube.preflight.board import Podman

HELPER_DIRECTORIES = (
    "/usr/lib/podman",
    "/usr/libexec/podman",
    "/usr/local/libexec/podman",
    "/usr/bin",
    "/usr/sbin",
)
HELPERS = ("netavark", "aardvark-dns", "catatonit", "conmon")
SERVICE_S = 60.0  # a first start on a slow card migrates its database
CALL_S = 120.0  # the first pod builds its infra image, on a slow card
PAUSE_S = 0.02


class NoService(Exception):
    """Podman's API does not come up; the words are Podman's."""


def look_at_podman(
    command: Sequence[str], environment: Mapping[str, str] | None, *, with_trial: bool
) -> Podman:
    """`command` is Podman with its flags, and `environment` what it runs in (None: ours). `with_trial`: run a
    container."""
    import podman
    from podman.errors import APIError
    from requests.exceptions import RequestException

    trial = ""
    try:
        with (
            _service(command, environment) as socket,
            podman.PodmanClient(base_url=f"unix://{socket}", timeout=CALL_S) as client,
        ):
            info = client.info()  # type: ignore[no-untyped-call]
            if with_trial:
                try:
                    _run_a_sandbox(client)
                except APIError as error:
                    trial = _words(error)
    except NoService as failure:
        return Podman(problem=str(failure))
    except (APIError, RequestException) as error:
        return Podman(problem=f"podman does not answer: {error}")
    host, store = info.get("host", {}), info.get("store", {})
    return Podman(
        version=info.get("version", {}).get("Version", ""),
        graph_driver=store.get("graphDriverName", ""),
        runtime=(host.get("ociRuntime") or {}).get("name", ""),  # null of a runtime that is broken
        missing_helpers=tuple(name for name in HELPERS if not _has_helper(name)),
        trial=trial,
        is_tried=with_trial,
    )


def _words(error: Any) -> str:
    """What Podman says: of a pod's start it gives a list of errors, and no message."""
    try:
        answer = error.response.json()
    except ValueError:
        answer = {}
    words = "; ".join(answer.get("Errs") or ()) or error.explanation or str(error)
    return "".join(letter for letter in words if letter.isprintable())  # conmon's may hold NULs


def _run_a_sandbox(client: Any) -> None:
    """The infra container of a pod is a real container, and needs no image from anywhere."""
    pod = client.pods.create(f"pikube-check-{os.getpid()}", netns={"nsmode": "none"})
    try:
        pod.start()
    finally:
        pod.remove(force=True)
        remove_groups(pod.id)


@contextmanager
def _service(command: Sequence[str], environment: Mapping[str, str] | None) -> Iterator[Path]:
    """The path of the socket of a service that answers."""
    with tempfile.TemporaryDirectory(prefix="pikube-check-") as directory:
        socket, words = Path(directory, "podman.sock"), Path(directory, "words")
        argv = (*command, "system", "service", "--time", "0", f"unix://{socket}")
        with words.open("wb") as output:
            try:
                service = subprocess.Popen(argv, stdout=output, stderr=output, env=environment)
            except FileNotFoundError:
                raise NoService(f"{command[0]} is not installed") from None
        try:
            ends_at = time.monotonic() + SERVICE_S
            while not socket.exists():
                if service.poll() is not None:
                    raise NoService(
                        _last_line(words.read_text(errors="replace")) or "podman system service failed"
                    )
                if time.monotonic() > ends_at:
                    raise NoService(f"{command[0]} did not answer in {SERVICE_S:g} s")
                time.sleep(PAUSE_S)
            yield socket
        finally:
            service.terminate()
            service.wait()


def _has_helper(name: str) -> bool:
    return any(os.access(f"{directory}/{name}", os.X_OK) for directory in HELPER_DIRECTORIES)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
