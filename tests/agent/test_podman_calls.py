"""Calls to Podman's service: what is asked again, and what is said when it hangs up, refuses or does not exist."""

import json
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from pikube.agent.runtime.calls import PodmanCalls
from pikube.agent.runtime.contract import ImageFailure, RuntimeFailure
from pikube.agent.runtime.podman import Podman

SILENCE = b""
CUT_OFF = b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"Id": '


def answer(document, status="200 OK"):
    body = json.dumps(document).encode()
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@asynccontextmanager
async def service(path, *answers):
    """Listens at `path`, gives each connection the next answer and hangs up; yields the requests it has read."""
    requests, left = [], list(answers)

    async def serve(stream):
        async with stream:
            head, _, body = (await stream.receive_some(65536)).partition(b"\r\n\r\n")
            requests.append((head.split(b"\r\n")[0].decode(), body))
            if left and (data := left.pop(0)):
                await stream.send_all(data)

    with trio.socket.socket(trio.socket.AF_UNIX) as listener:
        await listener.bind(path)
        listener.listen()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(trio.serve_listeners, serve, [trio.SocketListener(listener)]))
            yield requests
            nursery.cancel_scope.cancel()


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "podman.sock")


@pytest.mark.parametrize("first", [SILENCE, CUT_OFF], ids=["silence", "cut off"])
async def test_a_question_is_asked_again_and_nothing_else_is(path, first):
    async with service(path, first, answer({"Id": "a"})) as requests:
        assert await PodmanCalls(path)._ask("GET", "/pods/json", query={"filters": '{"label": ["a=b"]}'}) == {
            "Id": "a"
        }
    line = "GET /v4.0.0/libpod/pods/json?filters=%7B%22label%22%3A+%5B%22a%3Db%22%5D%7D HTTP/1.1"
    assert [request for request, _ in requests] == [line, line]


async def test_a_command_is_given_once_and_its_loss_is_the_boards_problem_until_an_answer_comes(path):
    async with service(path, SILENCE, answer({"Id": "a"})) as requests:
        calls = PodmanCalls(path)
        with pytest.raises(RuntimeFailure, match="podman does not answer") as lost:
            await calls._ask("POST", "/pods/create", body={"name": "p"})
        assert lost.value.reason == "RuntimeUnavailable" and len(requests) == 1
        assert requests[0][1] == b'{"name": "p"}' and "does not answer" in calls.problem()
        await calls._ask("GET", "/info")
        assert calls.problem() == "" and calls.waiting_s() == 0.0


async def test_a_refusal_is_told_in_podmans_words(path):
    refusal = answer({"cause": "no", "message": "no such image"}, "500 Internal Server Error")
    async with service(path, refusal, answer({}, "404 Not Found")):
        calls = PodmanCalls(path)
        with pytest.raises(RuntimeFailure, match="no such image"):
            await calls._ask("POST", "/containers/create", body={})
        assert await calls._ask("GET", "/containers/x/json", accepted=(404,)) is None


async def test_a_service_that_does_not_exist_is_said_so(path):
    with pytest.raises(RuntimeFailure, match="podman does not answer"):
        await PodmanCalls(path)._ask("POST", "/pods/create", body={})
    assert not await PodmanCalls(path).answers()


async def test_a_pull_that_is_cut_off_is_a_failed_pull(path):
    begun = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n15\r\n{"stream":"Copying"}\n\r\n'
    async with service(path, begun) as requests:
        said = []
        with pytest.raises(ImageFailure, match="podman does not answer") as failed:
            await Podman(path, "").pull_image("box", progress=said.append)
        assert failed.value.reason == "ErrImagePull" and said == ["Copying"]
    assert "reference=docker.io%2Flibrary%2Fbox%3Alatest" in requests[0][0]


PANIC = answer(
    {"message": "runtime error: invalid memory address or nil pointer dereference"},
    "500 Internal Server Error",
)


async def test_why_a_container_is_refused_is_asked_outside_of_its_pod_when_podman_has_lost_it(path):
    refused = answer({"message": "opening seccomp profile failed"}, "500 Internal Server Error")
    async with service(path, PANIC, refused, PANIC, answer({"Id": "a"}), answer(None, "200 OK")) as requests:
        podman = Podman(path, "")
        with pytest.raises(RuntimeFailure, match="opening seccomp profile failed"):
            await podman._create_container({"pod": "p", "name": "c"})
        assert [body for _, body in requests] == [b'{"pod": "p", "name": "c"}', b'{"name": "c"}']
        with pytest.raises(RuntimeFailure, match="nil pointer"):
            await podman._create_container({"pod": "p", "name": "c"})
    assert requests[-1][0].startswith("DELETE /v4.0.0/libpod/containers/a?")


async def test_a_service_that_answers_no_ping_is_trouble_until_it_answers_again(path):
    async with service(path, SILENCE, *[answer({"Id": "a"})] * 2):
        podman, told = Podman(path, ""), []
        podman.tell_health(lambda: told.append(podman.trouble()))
        assert not await podman.answers()
        assert podman.trouble() and not podman.problem(), "the board is ready: it may heal by itself"
        await podman.ping()
        await podman.ping()
        assert podman.trouble() == ""
        assert told == ["podman's service does not answer", ""], "at once, and once for each change"
