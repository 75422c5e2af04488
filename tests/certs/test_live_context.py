"""Contexts that follow their files, and followers that follow a context."""

import ssl

import pytest
import trio
import trio.testing
import trustme

from pikube.certs.contexts import client_context

NAME = "board.example"


@pytest.fixture
def authorities():
    return trustme.CA(), trustme.CA()


async def is_trusted(context, authority):
    """Whether a client with this context accepts a server of this authority."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(NAME).configure_cert(serving)
    near, far = trio.testing.memory_stream_pair()
    verdict = []

    async def shake(stream):
        try:
            await stream.do_handshake()
            verdict.append(True)
        except (trio.BrokenResourceError, ssl.SSLError):
            verdict.append(False)
            await trio.aclose_forcefully(stream.transport_stream)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(shake, trio.SSLStream(far, serving, server_side=True))
        await shake(trio.SSLStream(near, context, server_hostname="127.0.0.1"))
    return verdict == [True, True]


async def test_a_follower_takes_part_in_every_reload(authorities, tmp_path):
    """The leader keeps one named context a board: a change of the CA must reach those, too."""
    old, new = authorities
    file = tmp_path / "ca.crt"
    file.write_bytes(old.cert_pem.bytes())
    context = client_context(file)
    named = context.named(NAME)
    assert await is_trusted(named, old) and not await is_trusted(named, new)
    file.write_bytes(new.cert_pem.bytes())
    assert await is_trusted(named, old), "nothing changes before a reload"
    context.reload()
    assert await is_trusted(named, new) and not await is_trusted(named, old)


async def test_a_named_context_looks_for_its_name_and_no_other(authorities, tmp_path):
    authority, _ = authorities
    file = tmp_path / "ca.crt"
    file.write_bytes(authority.cert_pem.bytes())
    context = client_context(file)
    assert not await is_trusted(context.named("other.example"), authority)
    assert await is_trusted(context.named(NAME), authority)
