"""The gRPC health check against a real gRPC server, and against ports that are none."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
import trio

from pikube.agent.pods.grpc_health import check_health

STATUS = {"": 1, "ready": 1, "tired": 2, "strange": 0}
LONG = "a-service-with-a-name-" + "x" * 200


class Failure(Exception):
    """What the probe makes of it."""


def check(request: bytes, context: grpc.ServicerContext) -> bytes:
    """HealthCheckRequest and -Response without a protobuf library: one field each."""
    name = request[2 if len(request) < 130 else 3 :].decode()
    if name not in {**STATUS, LONG: 1}:
        context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
    status = STATUS.get(name, 1)
    return bytes([8, status]) if status else b""


@pytest.fixture
def port():
    server = grpc.server(ThreadPoolExecutor(2))
    handler = grpc.unary_unary_rpc_method_handler(check)
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": handler})]
    )
    number = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield number
    server.stop(None).wait()


@pytest.mark.parametrize("service", ["", "ready", LONG])
async def test_a_service_that_serves_is_healthy(port, service):
    with trio.fail_after(5):
        await check_health("127.0.0.1", port, service, Failure)


@pytest.mark.parametrize(
    ("service", "word"), [("tired", "NOT_SERVING"), ("strange", "UNKNOWN"), ("nobody", "UNKNOWN")]
)
async def test_one_that_does_not_is_named_as_kubelet_does(port, service, word):
    with trio.fail_after(5), pytest.raises(Failure) as failed:
        await check_health("127.0.0.1", port, service, Failure)
    assert str(failed.value) == f'service unhealthy (responded with "{word}")'


async def test_a_server_without_health_checks_is_unhealthy():
    server = grpc.server(ThreadPoolExecutor(1))
    number = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with trio.fail_after(5), pytest.raises(Failure):
            await check_health("127.0.0.1", number, "", Failure)
    finally:
        await trio.to_thread.run_sync(server.stop(None).wait)


async def test_a_port_that_nobody_has_and_one_that_speaks_something_else():
    with trio.fail_after(5), pytest.raises(Failure, match="connect: connection refused"):
        await check_health("127.0.0.1", 9, "", Failure)

    async def speak(stream):
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 100)
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, speak, 0)
        number = listeners[0].socket.getsockname()[1]
        with trio.fail_after(5), pytest.raises(Failure):
            await check_health("127.0.0.1", number, "", Failure)
        nursery.cancel_scope.cancel()
