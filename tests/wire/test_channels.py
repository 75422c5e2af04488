"""Messages of remote commands, and the agreement on a protocol."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pikube.api.errors import BadRequest, Forbidden
from pikube.wire.channels import V1, V4, V5, decode, encode, error_bytes, exit_status, size_of
from pikube.wire.upgrade import CommandStreams, agree, command_streams

WEBSOCKET = {
    "connection": "keep-alive, Upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}
SPDY = {"connection": "Upgrade", "upgrade": "SPDY/3.1"}


@given(st.integers(0, 9), st.binary(max_size=50), st.booleans())
def test_a_message_says_its_channel_and_data(channel, data, as_text):
    assert decode(encode(channel, data, as_text=as_text), as_text=as_text) == (channel, data)


def test_the_protocol_counts_not_the_kind_of_frame():
    assert decode("\x00word\n", as_text=False) == (0, b"word\n")  # as the official Python client sends stdin
    assert decode(b"0aGk=", as_text=True) == (0, b"hi")


@given(st.one_of(st.binary(max_size=20), st.text(max_size=20)), st.booleans())
def test_any_message_has_a_channel_or_is_a_value_error(message, as_text):
    try:
        channel, data = decode(message, as_text=as_text)
    except ValueError:
        return
    assert 0 <= channel <= 255
    assert isinstance(data, bytes)


def test_a_failure_carries_the_exit_code_as_kubectl_reads_it():
    assert exit_status(3) == {
        "metadata": {},
        "status": "Failure",
        "message": "command terminated with non-zero exit code: exit status 3",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": "3"}]},
    }
    assert error_bytes(exit_status(0), V4) == b'{"metadata":{},"status":"Success"}'
    assert error_bytes(exit_status(0), V1) == b""
    assert error_bytes(exit_status(3), V1) == b"command terminated with non-zero exit code: exit status 3"


@pytest.mark.parametrize(
    "data, size",
    [
        (b'{"Width":80,"Height":24}', (80, 24)),
        (b'{"Width":80}', None),
        (b'{"Width":"80","Height":24}', None),
        (b'{"Width":80,"Height":70000}', None),
        (b'{"Width":true,"Height":1}', None),
        (b"[]", None),
        (b"\xff", None),
    ],
)
def test_sizes_are_read_or_ignored(data, size):
    assert size_of(data) == size


@pytest.mark.parametrize(
    "query, streams",
    [
        ("command=ls&stdout=true&stderr=true", CommandStreams(False, True, True, False)),
        ("stdin=true&stdout=true&stderr=true&tty=true", CommandStreams(True, True, False, True)),
        ("input=1&output=1&error=1", CommandStreams(True, True, True, False)),
        ("stdin=false&stdout=1", CommandStreams(False, True, False, False)),
    ],
)
def test_the_query_says_which_streams_the_client_wants(query, streams):
    assert command_streams(query) == streams


def test_a_command_without_streams_is_a_bad_request():
    with pytest.raises(BadRequest, match="at least 1 of stdin, stdout, stderr"):
        command_streams("command=ls")


def test_a_websocket_is_accepted_with_the_clients_first_choice():
    agreed = agree(WEBSOCKET | {"sec-websocket-protocol": f"v9, {V4}, {V5}"}, (V5, V4), ())
    assert (agreed.is_websocket, agreed.protocol) == (True, V4)
    assert dict(agreed.headers) == {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "Sec-WebSocket-Protocol": V4,
    }


def test_a_websocket_without_protocol_speaks_the_oldest():
    agreed = agree(WEBSOCKET, (V5, V4), ())
    assert agreed.protocol == ""
    assert "Sec-WebSocket-Protocol" not in dict(agreed.headers)


def test_spdy_is_accepted_with_the_clients_first_choice():
    agreed = agree(SPDY | {"x-stream-protocol-version": f"{V5}, {V4}"}, (), (V4, V5))
    assert (agreed.is_websocket, agreed.protocol) == (False, V5)
    assert dict(agreed.headers)["X-Stream-Protocol-Version"] == V5


@pytest.mark.parametrize(
    "headers, error, words",
    [
        ({}, BadRequest, "missing upgrade headers"),
        ({"upgrade": "websocket"}, BadRequest, "missing upgrade headers"),
        ({"connection": "Upgrade", "upgrade": "h2c"}, BadRequest, "unknown protocol 'h2c'"),
        (WEBSOCKET | {"sec-websocket-version": "8"}, BadRequest, "version 13"),
        (WEBSOCKET | {"sec-websocket-key": ""}, BadRequest, "version 13"),
        (WEBSOCKET | {"sec-websocket-protocol": "v9"}, BadRequest, r"client supports \[v9\], server accepts"),
        (SPDY, BadRequest, "X-Stream-Protocol-Version does not exist"),
        (SPDY | {"x-stream-protocol-version": "v9"}, Forbidden, r"client supports \[v9\], server accepts"),
    ],
)
def test_a_disagreement_says_why(headers, error, words):
    with pytest.raises(error, match=words):
        agree(headers, (V5, V4), (V4,))
