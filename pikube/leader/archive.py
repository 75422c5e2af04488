"""Shell: a whole cluster in one file: what a leader on a fresh card needs to be the old one.

    manifest.json     which cluster, made when and where, and the hash of every other file
    state.db          every object
    certs/…           the authority, the key of service accounts, the leader's leaves

Enter: paths. Leave: a .tar.gz that only its owner may read, or files in their places. What pods keep in volumes is
not in it. Every function blocks. Called by the backup desk and the commands backup and restore.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from pikube.certs.files import write_atomic
from pikube.leader.store.backup import restore_backup
from pikube.leader.store.contract import Describe, StoreUnusable
from pikube.leader.store.encryption import Encryption

FORMAT = 1
MANIFEST, DATABASE, CERTIFICATES = "manifest.json", "state.db", "certs"
MEMBER = re.compile(r"state\.db|certs/[A-Za-z0-9][A-Za-z0-9._-]{0,80}")
MAX_BYTES = 4 * 1024**3  # of one member: far more than a leader holds in memory
UNFINISHED = "restore-unfinished"
"""A file in the data directory while a restore is under way: a leader must not start on half of one."""


class BadArchive(Exception):
    """The file is no backup, or is damaged; the message is a sentence."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`files` are SHA-256 in hex by the name in the archive."""

    format: int
    version: str
    cluster: str
    id: str
    node: str
    made_at: str
    files: dict[str, str] = {}


def pack(target: Path, database: Path, certificates: Path, manifest: Manifest) -> None:
    """Write an archive whole or not at all. OSError."""
    sources = {DATABASE: database}
    sources |= {
        f"{CERTIFICATES}/{path.name}": path
        for path in sorted(certificates.iterdir())
        if path.is_file() and MEMBER.fullmatch(f"{CERTIFICATES}/{path.name}")
    }
    hashes = {name: _hash_of(path) for name, path in sources.items()}
    part = target.with_name(f".{target.name}.part")
    try:
        part.touch(mode=0o600)
        with part.open("wb") as raw, tarfile.open(fileobj=raw, mode="w:gz", compresslevel=6) as tar:
            _add(tar, MANIFEST, msgspec.json.encode(msgspec.structs.replace(manifest, files=hashes)))
            for name, path in sources.items():
                _add(tar, name, path.read_bytes())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def unpack(archive: Path, into: Path) -> Manifest:
    """Put the files of an archive below a new directory, all of them as the manifest says. BadArchive, OSError."""
    into.mkdir(mode=0o700, parents=True)
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(archive, "r:gz") as tar:
            manifest = _manifest_of(archive, tar)
            for member in tar:
                if member.name == MANIFEST and not found:
                    continue  # the first one, which was read
                if member.name not in manifest.files or not member.isreg() or member.size > MAX_BYTES:
                    raise BadArchive(f"{archive} is no backup of pikube: it holds {member.name!r}")
                stream = tar.extractfile(member)
                assert stream is not None
                data = stream.read()
                found[member.name] = b""
                if hashlib.sha256(data).hexdigest() != manifest.files[member.name]:
                    raise BadArchive(f"{archive} is damaged: {member.name} is not what was written")
                write_atomic(into / member.name, data)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadArchive(f"{archive} is damaged, or no backup of pikube ({error})") from None
    missing = set(manifest.files) - set(found)
    if missing or DATABASE not in found:
        raise BadArchive(f"{archive} is damaged: {', '.join(sorted(missing)) or DATABASE} is missing")
    return manifest


def check(archive: Path, scratch: Path) -> Manifest:
    """What an archive holds, after reading all of it. BadArchive, OSError."""
    try:
        return unpack(archive, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def restore(
    archive: Path,
    data: Path,
    database: Path,
    certificates: Path,
    describe: Describe,
    encryption: Encryption | None = None,
) -> tuple[Manifest, int]:
    """Put a cluster in the place of what is there; (its manifest, how many objects). What was there is kept with
    `.before-restore` at its name. May be run again after it was cut off anywhere. BadArchive, StoreUnusable, OSError.
    """
    staged = data / ".restore"
    shutil.rmtree(staged, ignore_errors=True)
    try:
        manifest = unpack(archive, staged)
        *_, objects = restore_steps(staged, data, database, certificates, describe, encryption)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return manifest, objects


def restore_steps(
    staged: Path,
    data: Path,
    database: Path,
    certificates: Path,
    describe: Describe,
    encryption: Encryption | None = None,
) -> Iterator[int]:
    """What was unpacked goes into its places, in steps; yields the number of objects after each. Between the first
    and the last the mark is there, and a leader does not start. StoreUnusable, OSError."""
    database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    is_again = (data / UNFINISHED).exists()
    write_atomic(data / UNFINISHED, b"")
    yield 0
    try:
        objects = restore_backup(staged / DATABASE, database, describe, encryption)
    except (StoreUnusable, OSError):
        if not is_again:
            (data / UNFINISHED).unlink()  # the database is as it was, and so is everything else
        raise
    yield objects
    if certificates.exists():
        kept = certificates.with_name(f"{certificates.name}.before-restore")
        shutil.rmtree(kept, ignore_errors=True)
        certificates.rename(kept)
        yield objects
    (staged / CERTIFICATES).rename(certificates)
    yield objects
    (data / UNFINISHED).unlink()
    yield objects


def _manifest_of(archive: Path, tar: tarfile.TarFile) -> Manifest:
    first = tar.next()
    stream = tar.extractfile(first) if first is not None and first.name == MANIFEST else None
    if stream is None:
        raise BadArchive(f"{archive} is no backup of pikube")
    try:
        manifest = msgspec.json.decode(stream.read(1024 * 1024), type=Manifest)
    except msgspec.DecodeError as error:
        raise BadArchive(f"{archive} is no backup of pikube: {error}") from None
    if manifest.format != FORMAT:
        raise BadArchive(
            f"{archive} was made by pikube {manifest.version}: restore it with that version or a newer one"
        )
    if not all(MEMBER.fullmatch(name) for name in manifest.files):
        raise BadArchive(f"{archive} is no backup of pikube: it names files outside of a cluster")
    return manifest


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o600
    tar.addfile(info, io.BytesIO(data))


def _hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
