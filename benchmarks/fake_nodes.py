"""Shell: many boards without containers in one process, each with connections of its own to the leader.

argv: kubeconfig, how many. Each board has what a real one has at the leader: its lease, a watch of its own pods, and
watches of nodes, Services and EndpointSlices (their bytes are read and thrown away, so that this process
stays faster than the leader). Prints `ready` when all are registered; ends with its standard input.
"""

import base64
import ssl
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import trio
import yaml

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from fakes.fake_node import FakeNode

from pikube.api.client import ConnectionLost
from pikube.api.errors import ApiError
from pikube.wire.client import ApiConnection, open_api_connection
from pikube.wire.typed_client import TypedClient

AT_ONCE = 10  # boards that register at the same time
WATCHED = ("/api/v1/nodes", "/api/v1/services", "/apis/discovery.k8s.io/v1/endpointslices")


def read_kubeconfig(path):
    """(server's URL, TLS context with the client certificate)."""
    config = yaml.safe_load(Path(path).read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    with tempfile.NamedTemporaryFile() as pair:
        pair.write(base64.b64decode(user["client-certificate-data"]))
        pair.write(base64.b64decode(user["client-key-data"]))
        pair.flush()
        context.load_cert_chain(pair.name)
    return cluster["server"], context


async def follow(connection: ApiConnection, path: str) -> None:
    """A watch whose events nobody looks at."""
    while True:
        try:
            async with connection.stream_lines(path, {"watch": "true", "resourceVersion": "0"}) as lines:
                async for _ in lines:
                    pass
        except (ConnectionLost, ApiError):
            await trio.sleep(1)


async def run(kubeconfig: str, count: int) -> None:
    url, context = read_kubeconfig(kubeconfig)
    async with AsyncExitStack() as stack, trio.open_nursery() as nursery:

        async def begin(number: int) -> None:
            connection = await stack.enter_async_context(open_api_connection([url], context))
            node = FakeNode(TypedClient(connection), f"node-{number:03}", number)
            await nursery.start(node.run)
            for path in WATCHED:
                nursery.start_soon(follow, connection, path)

        for first in range(1, count + 1, AT_ONCE):
            async with trio.open_nursery() as starting:
                for number in range(first, min(first + AT_ONCE, count + 1)):
                    starting.start_soon(begin, number)
        print("ready", flush=True)
        await trio.to_thread.run_sync(sys.stdin.read, abandon_on_cancel=True)
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(run, sys.argv[1], int(sys.argv[2]))
