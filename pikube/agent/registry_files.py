"""Shell: puts what registries.yaml says where Podman reads it: a registries.conf and an auth file of its own, and
certificates where Podman looks for them. Called once by the agent, before Podman's service starts.
"""

from __future__ import annotations

import json
from pathlib import Path

from pikube.agent.registries import BadRegistries, Registries, read_registries
from pikube.agent.runtime.contract import RuntimeMissing
from pikube.certs.files import read_or_none, write_atomic

CERTS = Path("/etc/containers/certs.d")


CONF, AUTH = "registries.conf", "registries-auth.json"


def place_registries(file: Path, directory: Path, certs: Path = CERTS) -> dict[str, str]:
    """Write Podman's files to `directory` and the certificates; what is no longer said goes.

    Leaves the fields of a PodmanPlace. Raises RuntimeMissing in one sentence.
    """
    registries = _read(file)
    auths = {host: {"auth": auth} for host, auth in registries.credentials}
    try:
        for place, source in registries.certificates:
            _write(certs / place, Path(source).read_bytes(), 0o600 if place.endswith(".key") else 0o644)
        return {
            "registries_conf": _place(directory / CONF, registries.conf),
            "auth_file": _place(directory / AUTH, json.dumps({"auths": auths}) if auths else ""),
        }
    except OSError as error:
        raise RuntimeMissing(f"{file} cannot be put into force: {error}") from None


def _place(path: Path, text: str) -> str:
    """The path of the file with this text; '' and no file when there is nothing to say."""
    if not text:
        path.unlink(missing_ok=True)
        return ""
    _write(path, text.encode(), 0o600)
    return str(path)


def _read(file: Path) -> Registries:
    if not file.exists():
        return Registries()
    import yaml  # only boards with such a file pay for it

    try:
        return read_registries(yaml.safe_load(file.read_text()))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, BadRegistries) as error:
        raise RuntimeMissing(f"{file} cannot be used: {' '.join(str(error).split())}") from None


def _write(path: Path, data: bytes, mode: int) -> None:
    if read_or_none(path) != data:
        write_atomic(path, data, mode)
