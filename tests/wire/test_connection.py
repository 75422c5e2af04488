"""One HTTP connection over memory streams: what clients do, and what bad clients do."""

import gzip
import json
import logging

import h11
import pytest
import trio

from pikube.api.errors import Forbidden, NotFound, Resource, TooManyRequests, Unauthorized
from pikube.wire import connection as connection_module
from pikube.wire.answers import head, warning
from pikube.wire.messages import Response, StreamResponse, UpgradeResponse

JSON = (("Content-Type", "application/json"),)


async def echo(request):
    body = await request.body(1000)
    seen = {
        "method": request.method,
        "path": request.path,
        "raw": request.raw_path,
        "query": request.query,
        "body": body.decode(),
        "headers": dict(request.headers),
    }
    return Response(200, JSON, (json.dumps(seen).encode(),))


async def hello(request):
    return Response(200, (), (b"hello",))


async def test_a_request_reaches_the_handler_whole(connect):
    client = connect(echo)
    status, headers, body = await client.request(
        "POST", "/api/v1/a%20b?watch=1&x=%20", [("X-Two", "1"), ("X-Two", "2")], b"text"
    )
    seen = json.loads(body)
    assert status == 200
    assert headers["content-length"] == str(len(body))
    assert "GMT" in headers["date"]
    assert (seen["method"], seen["path"], seen["raw"], seen["query"]) == (
        "POST",
        "/api/v1/a b",
        "/api/v1/a%20b",
        "watch=1&x=%20",
    )
    assert seen["body"] == "text"
    assert seen["headers"]["x-two"] == "1, 2"


async def test_a_connection_serves_many_requests(connect):
    client = connect(hello)
    for _ in range(5):
        assert (await client.request("GET", "/"))[2] == b"hello"


async def test_pipelined_requests_are_answered_in_order(connect):
    client = connect(echo)
    await client.send(b"GET /1 HTTP/1.1\r\nHost: t\r\n\r\nGET /2 HTTP/1.1\r\nHost: t\r\n\r\n")
    assert json.loads((await client.response())[2])["path"] == "/1"
    assert json.loads((await client.response())[2])["path"] == "/2"


async def test_a_body_in_chunks_is_joined(connect):
    client = connect(echo)
    await client.send(b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
    await client.send(b"2\r\nab\r\n")
    await client.send(b"1\r\nc\r\n0\r\n\r\n")
    assert json.loads((await client.response())[2])["body"] == "abc"


async def test_an_unread_small_body_does_not_spoil_the_connection(connect):
    client = connect(hello)
    for _ in range(2):
        assert (await client.request("POST", "/", body=b"x" * 5000))[0] == 200


async def test_100_continue_is_sent_when_the_body_is_asked_for(connect):
    client = connect(echo)
    await client.send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    interim = await client.stream.receive_some(1000)
    assert interim.startswith(b"HTTP/1.1 100")
    await client.send(b"ok")
    assert json.loads((await client.response())[2])["body"] == "ok"


async def test_an_answer_instead_of_100_continue_closes_the_connection(connect, autojump_clock):
    client = connect(hello)
    await client.send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    status, headers, _ = await client.response()
    assert (status, headers["connection"]) == (200, "close")
    assert await client.is_closed_by_server()


async def test_head_has_the_length_and_no_body(connect):
    client = connect(hello)
    status, headers, body = await client.request("HEAD", "/")
    assert (status, headers["content-length"], body) == (200, "5", b"")
    assert (await client.request("GET", "/"))[2] == b"hello"


@pytest.mark.parametrize("status", [204, 304])
async def test_answers_without_body_have_no_length(connect, status):
    async def nothing(request):
        return Response(status)

    client = connect(nothing)
    for _ in range(2):
        got, headers, _ = await client.request("GET", "/")
        assert got == status
        assert "content-length" not in headers


async def test_many_chunks_of_all_sizes_arrive_as_one_body(connect):
    chunks = [b"a" * 10, b"b" * 700_000, b"", b"c" * 200_000, b"d" * 100_000, b"e"]

    async def big(request):
        return Response(200, (), chunks)

    client = connect(big)
    assert (await client.request("GET", "/"))[2] == b"".join(chunks)
    assert (await client.request("GET", "/"))[2] == b"".join(chunks)


async def test_a_gzipped_body_is_unpacked(connect):
    client = connect(echo)
    _, _, body = await client.request("POST", "/", [("Content-Encoding", "gzip")], gzip.compress(b"plain"))
    assert json.loads(body)["body"] == "plain"


@pytest.mark.parametrize("packed", [b"nonsense", gzip.compress(b"cut off here", mtime=0)[:-9]])
async def test_a_broken_gzip_body_is_a_bad_request(connect, packed):
    client = connect(echo)
    status, _, body = await client.request("POST", "/", [("Content-Encoding", "gzip")], packed)
    assert (status, json.loads(body)["reason"]) == (400, "BadRequest")


async def test_a_gzip_bomb_is_too_large(connect):
    client = connect(echo)
    packed = gzip.compress(b"0" * 100_000)
    status, _, body = await client.request("POST", "/", [("Content-Encoding", "gzip")], packed)
    assert (status, json.loads(body)["reason"]) == (413, "RequestEntityTooLarge")


async def test_an_unknown_body_encoding_is_unsupported(connect):
    client = connect(echo)
    status, _, _ = await client.request("POST", "/", [("Content-Encoding", "br")], b"x")
    assert status == 415


@pytest.mark.parametrize(
    "accepted, is_packed", [("gzip", True), ("br, gzip;q=0.5", True), ("gzip;q=0", False)]
)
async def test_large_answers_are_gzipped_when_the_client_takes_it(connect, accepted, is_packed):
    text = b"abcdefgh" * 20_000

    async def big(request):
        return Response(200, JSON, (text[:50_000], text[50_000:]))

    client = connect(big)
    _, headers, body = await client.request("GET", "/", [("Accept-Encoding", accepted)])
    assert (headers.get("content-encoding") == "gzip") is is_packed
    assert (gzip.decompress(body) if is_packed else body) == text


async def test_a_body_over_the_limit_is_answered_and_the_connection_closed(connect, autojump_clock):
    client = connect(echo)
    await client.send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 90000\r\n\r\n" + b"x" * 70_000)
    status, headers, body = await client.response()
    assert (status, headers["connection"]) == (413, "close")
    assert json.loads(body)["message"] == "Request entity too large: limit is 1000"
    await client.send(b"x" * 20_000)  # the rest is still taken, so that the client gets to read the answer
    assert await client.is_closed_by_server()


async def test_a_chunked_body_over_the_limit_is_refused_too(connect, autojump_clock):
    client = connect(echo)
    await client.send(b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
    await client.send(b"7d0\r\n" + b"x" * 2000 + b"\r\n")
    assert (await client.response())[0] == 413
    assert await client.is_closed_by_server()


@pytest.mark.parametrize(
    "error, code, header",
    [
        (NotFound.of(Resource("", "pods"), "web"), 404, None),
        (Forbidden("no"), 403, None),
        (Unauthorized(), 401, ("www-authenticate", 'Bearer realm="pikube"')),
        (TooManyRequests("slow down", retry_after_s=7), 429, ("retry-after", "7")),
    ],
)
async def test_an_api_error_is_answered_as_its_status(connect, error, code, header):
    async def fail(request):
        raise error

    client = connect(fail)
    status, headers, body = await client.request("GET", "/")
    assert status == code
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == error.to_status()
    if header:
        assert headers[header[0]] == header[1]
    assert (await client.request("GET", "/"))[0] == code


@pytest.mark.parametrize(
    "status, line", [(200, "200 OK"), (409, "409 Conflict"), (422, "422 Unprocessable Entity")]
)
def test_the_status_line_names_its_reason(status, line):
    assert head(status, [("Content-Length", "0")], 0).startswith(f"HTTP/1.1 {line}\r\n".encode())


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: x=1", "a\nb", "a\rb", "a\0b"])
def test_what_a_user_wrote_makes_no_header_of_its_own(value):
    with pytest.raises(ValueError, match="line end"):
        head(200, [("X-Word", value)], 0)


async def test_a_bug_is_an_internal_error_and_a_log_line(connect, caplog):
    async def bug(request):
        raise ZeroDivisionError

    client = connect(bug)
    with caplog.at_level(logging.ERROR, "pikube.wire"):
        status, _, body = await client.request("GET", "/path")
    assert (status, json.loads(body)["reason"]) == (500, "InternalError")
    assert "event=request_bug method=GET path=/path" in caplog.text
    assert (await client.request("GET", "/"))[0] == 500


async def test_a_warning_header_is_quoted():
    assert warning('field "a" is\nunknown \\') == ("Warning", r'299 - "field \"a\" is unknown \\"')


async def test_bytes_that_are_not_http_are_answered_and_the_connection_closed(connect):
    client = connect(hello)
    await client.send(b"\x16\x03\x01 not http\r\n\r\n")
    assert (await client.response())[0] == 400
    assert await client.is_closed_by_server()


async def test_headers_without_end_are_refused(connect):
    client = connect(hello)
    with trio.move_on_after(5):
        await client.send(b"GET / HTTP/1.1\r\nHost: t\r\nX: " + b"y" * (connection_module.HEADER_BYTES + 1))
    assert (await client.response())[0] == 431
    assert await client.is_closed_by_server()


async def test_a_malformed_chunk_is_a_bad_request(connect):
    client = connect(echo)
    await client.send(b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
    status, _, body = await client.response()
    assert (status, json.loads(body)["reason"]) == (400, "BadRequest")
    assert await client.is_closed_by_server()


async def test_a_head_that_does_not_end_is_cut_off(connect, autojump_clock):
    client = connect(hello)
    await client.send(b"GET / HTTP/1.1\r\nHo")
    start = trio.current_time()
    assert await client.is_closed_by_server()
    assert trio.current_time() - start == pytest.approx(connection_module.HEADERS_S)


async def test_an_idle_connection_is_closed_in_the_end(connect, autojump_clock):
    client = connect(hello)
    await client.request("GET", "/")
    start = trio.current_time()
    assert await client.is_closed_by_server()
    assert trio.current_time() - start == pytest.approx(connection_module.IDLE_S)


async def test_a_body_that_does_not_come_is_cut_off(connect, autojump_clock):
    client = connect(echo)
    await client.send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nab")
    assert await client.is_closed_by_server()


async def test_a_slow_handler_has_all_the_time_it_wants(connect, autojump_clock):
    async def slow(request):
        await trio.sleep(10_000)
        return Response(200, (), (b"late",))

    assert (await connect(slow).request("GET", "/"))[2] == b"late"


async def test_a_client_that_leaves_in_a_body_is_no_bug(connect, caplog):
    client = connect(echo)
    await client.send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nab")
    await client.stream.send_eof()
    assert (await client.response())[0] == 400
    assert await client.is_closed_by_server()
    assert not caplog.records


async def test_a_stream_sends_chunks_as_they_come(connect):
    next_one = trio.Event()

    async def run(send):
        await send(b"one\n")
        await next_one.wait()
        await send(b"")
        await send(b"two\n")

    async def handler(request):
        return StreamResponse(200, JSON, run)

    client = connect(handler)
    data = client.h11.send(h11.Request(method="GET", target="/", headers=[("Host", "t")]))
    await client.send(data + client.h11.send(h11.EndOfMessage()))
    head = await client.event()
    assert (b"transfer-encoding", b"chunked") in head.headers
    assert bytes((await client.event()).data) == b"one\n"
    next_one.set()
    assert bytes((await client.event()).data) == b"two\n"
    assert isinstance(await client.event(), h11.EndOfMessage)
    client.h11.start_next_cycle()
    next_one.set()
    assert (await client.request("GET", "/"))[2] == b"one\ntwo\n"


async def test_a_stream_to_an_http_1_0_client_ends_with_the_connection(connect):
    async def run(send):
        await send(b"log\n")

    async def handler(request):
        return StreamResponse(200, (), run)

    client = connect(handler)
    await client.send(b"GET / HTTP/1.0\r\n\r\n")
    data = b""
    while part := await client.stream.receive_some():
        data += part
    assert b"chunked" not in data
    assert data.endswith(b"\r\n\r\nlog\n")


async def test_an_empty_stream_still_has_its_head(connect):
    async def run(send):
        pass

    async def handler(request):
        return StreamResponse(200, JSON, run)

    client = connect(handler)
    assert (await client.request("GET", "/"))[::2] == (200, b"")
    assert (await client.request("GET", "/"))[::2] == (200, b"")


async def test_an_error_before_the_first_chunk_is_the_answer(connect):
    async def run(send):
        async with trio.open_nursery():
            raise NotFound.of(Resource("", "pods"), "web")

    async def handler(request):
        return StreamResponse(200, (), run)

    client = connect(handler)
    status, _, body = await client.request("GET", "/")
    assert (status, json.loads(body)["message"]) == (404, 'pods "web" not found')
    assert (await client.request("GET", "/"))[0] == 404


async def test_an_error_in_the_middle_cuts_the_stream_off(connect):
    async def run(send):
        await send(b"part")
        raise Forbidden("late")

    async def handler(request):
        return StreamResponse(200, (), run)

    client = connect(handler)
    with pytest.raises(h11.RemoteProtocolError):
        await client.request("GET", "/")


async def test_a_stream_ends_when_its_client_goes(connect):
    has_ended = trio.Event()

    async def run(send):
        try:
            await send(b"first")
            await trio.sleep_forever()
        finally:
            has_ended.set()

    async def handler(request):
        return StreamResponse(200, (), run)

    client = connect(handler)
    await client.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
    await client.stream.receive_some()
    await client.stream.aclose()
    await has_ended.wait()


async def test_a_pipelined_request_waits_for_the_stream_before_it(connect):
    async def run(send):
        await send(b"stream")

    async def handler(request):
        return StreamResponse(200, (), run) if request.path == "/watch" else await hello(request)

    client = connect(handler)
    await client.send(b"GET /watch HTTP/1.1\r\nHost: t\r\n\r\nGET / HTTP/1.1\r\nHost: t\r\n\r\n")
    assert (await client.response())[2] == b"stream"
    assert (await client.response())[2] == b"hello"


async def test_an_upgrade_hands_over_the_stream_and_what_came_early(connect):
    async def run(stream, leftover):
        await stream.send_all(b"<" + leftover + b">")
        await stream.send_all(await stream.receive_some())

    async def handler(request):
        assert request.headers["upgrade"] == "SPDY/3.1"
        return UpgradeResponse((("Connection", "Upgrade"), ("Upgrade", "SPDY/3.1")), run)

    for length in (b"", b"Content-Length: 0\r\n"):
        client = connect(handler)
        await client.send(
            b"POST /exec HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
            + length
            + b"\r\nearly"
        )
        data = b""
        while not data.endswith(b"<early>"):
            data += await client.stream.receive_some()
        assert data.startswith(b"HTTP/1.1 101 ")
        await client.send(b"late")
        assert await client.stream.receive_some() == b"late"
        assert await client.is_closed_by_server()


async def test_an_upgrade_may_be_refused_and_the_connection_goes_on(connect):
    client = connect(hello)
    for _ in range(2):
        status, _, body = await client.request(
            "GET", "/", [("Connection", "Upgrade"), ("Upgrade", "websocket")]
        )
        assert (status, body) == (200, b"hello")


async def test_stopping_ends_an_idle_connection_at_once(connect):
    client = connect(hello)
    await client.request("GET", "/")
    client.connection.stop()
    assert await client.is_closed_by_server()


async def test_stopping_lets_a_request_finish_and_says_so(connect):
    has_begun, may_end = trio.Event(), trio.Event()

    async def slow(request):
        has_begun.set()
        await may_end.wait()
        return Response(200, (), (b"done",))

    client = connect(slow)
    await client.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
    await has_begun.wait()
    client.connection.stop()
    may_end.set()
    status, headers, body = await client.response()
    assert (status, headers["connection"], body) == (200, "close", b"done")
    assert await client.is_closed_by_server()


async def test_stopping_cuts_a_stream_off(connect):
    async def run(send):
        await send(b"x")
        await trio.sleep_forever()

    async def handler(request):
        return StreamResponse(200, (), run)

    client = connect(handler)
    await client.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
    await client.stream.receive_some()
    client.connection.stop()
    while await client.stream.receive_some():
        pass
