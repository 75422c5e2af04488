"""Random work on a leader that is killed now and then, on boards that come and go; at rest, every invariant holds.

`PIKUBE_SOAK_S` (20) says for how long, `PIKUBE_SOAK_SEED` what; the seed is printed with a failure. Boards have no
containers (fakes.fake_node); the leader is the real program.
"""

import json
import os
import random
import socket
import subprocess
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trio
from checker import check
from fakes.fake_node import FakeNode
from workload import NAMESPACES, Workload

from pikube.api.client import ConnectionLost
from pikube.api.errors import ApiError
from pikube.certs.contexts import client_context
from pikube.wire.client import open_api_connection
from pikube.wire.typed_client import TypedClient

pytestmark = pytest.mark.e2e

SECONDS = float(os.environ.get("PIKUBE_SOAK_S", "20"))
SEED = int(os.environ.get("PIKUBE_SOAK_SEED", "7")) or random.randrange(1, 10**6)  # 0: another one each time
ROOT = Path(__file__).parent.parent.parent
BOARDS = 4
REST_S = 90.0  # for everything to come to rest, on a machine that does other things too
READ = (
    "/api/v1/namespaces", "/api/v1/nodes", "/api/v1/pods", "/api/v1/services", "/api/v1/endpoints",
    "/api/v1/configmaps", "/api/v1/resourcequotas", "/api/v1/replicationcontrollers",
    "/apis/apps/v1/deployments", "/apis/apps/v1/replicasets", "/apis/apps/v1/statefulsets",
    "/apis/apps/v1/daemonsets", "/apis/apps/v1/controllerrevisions", "/apis/batch/v1/jobs",
    "/apis/policy/v1/poddisruptionbudgets", "/apis/discovery.k8s.io/v1/endpointslices",
)  # fmt: skip


class Leader:
    """The program without an agent, which can be killed and started anew."""

    def __init__(self, directory):
        self.directory = directory
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"https://127.0.0.1:{self.port}"
        self._process = None

    def start(self):
        command = [
            sys.executable, "-m", "pikube", "leader", "--no-agent", "--no-discovery", "--data-dir",
            str(self.directory / "data"), "--write-kubeconfig", str(self.directory / "kubeconfig"),
            "--bind-address", "127.0.0.1", "--node-ip", "127.0.0.1", "--https-listen-port", str(self.port),
            "--node-name", "leader", "--log-level", "warning",
        ]  # fmt: skip
        with (self.directory / "leader.log").open("a") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT)

    def kill(self):
        self._process.kill()
        self._process.wait()

    def stop(self):
        self._process.terminate()
        self._process.wait(30)

    def log(self):
        return (self.directory / "leader.log").read_text()

    def context(self):
        certificates = self.directory / "data" / "certs"
        return client_context(certificates / "ca.crt", certificates / "admin.pem")


class Driver:
    """Sends what the workload says, and remembers what was acknowledged."""

    def __init__(self, connection, workload):
        self._connection = connection
        self._workload = workload
        self.acknowledged = {}  # ConfigMap → the values that it may have
        self.sent = self.refused = self.lost = 0

    async def ask(self, method, path, body=None, content_type="application/json"):
        path, _, query = path.partition("?")
        parameters = dict(pair.split("=") for pair in query.split("&")) if query else None
        data = json.dumps(body).encode() if body is not None else b""
        return await self._connection.request(method, path, parameters, data, content_type)

    async def step(self):
        method, path, body, kind = self._workload.next()
        self.sent += 1
        kept = path.partition("?")[0] if body.get("kind") == "ConfigMap" else ""
        if kept:  # until it is answered, and when it never is, it may have been done or not
            self.acknowledged.setdefault(kept, {None}).add(body["data"]["n"])
        try:
            if path.endswith("/?"):
                path = await self._some_pod(path)
                if path is None:
                    return
            await self.ask(method, path, body, kind)
        except ConnectionLost:
            self.lost += 1
            await trio.sleep(0.2)
        except ApiError as error:
            self.refused += 1
            if kept and error.code < 500:
                self.acknowledged[kept].discard(body["data"]["n"])
        else:
            if kept:
                self.acknowledged[kept] = {body["data"]["n"]}

    async def _some_pod(self, path):
        pods = json.loads(await self.ask("GET", path.removesuffix("/?")))["items"]
        if not pods:
            return None
        pod = self._workload.random.choice(pods)
        return f"{path.removesuffix('/?')}/{pod['metadata']['name']}"

    async def everything(self):
        objects = {}
        for path in READ:
            found = json.loads(await self.ask("GET", path))
            for item in found["items"]:
                item["kind"] = found["kind"].removesuffix("List")
                objects.setdefault(item["kind"], []).append(item)
        return objects

    async def wait_answer(self):
        while True:
            try:
                return await self.ask("GET", "/readyz")
            except (ConnectionLost, ApiError, OSError):
                await trio.sleep(0.1)


async def prepare(driver):
    for namespace in NAMESPACES:
        await driver.ask("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    quota = {"metadata": {"name": "pods"}, "spec": {"hard": {"pods": "60"}}}
    await driver.ask("POST", f"/api/v1/namespaces/{NAMESPACES[0]}/resourcequotas", quota)


async def disturb(leader, driver, boards, over_s):
    """Two kills, a restart, a board that goes for good and one that comes."""
    pause_s = over_s / 6
    for what in ("kill", "board", "stop", "kill"):
        await trio.sleep(pause_s)
        if what == "kill":
            leader.kill()
        elif what == "stop":
            await trio.to_thread.run_sync(leader.stop)
        else:
            await driver.wait_answer()
            boards.pop("board-1").cancel()
            await driver.ask("DELETE", "/api/v1/nodes/board-1")
            continue
        leader.start()


async def run_board(leader, number, *, task_status):
    with trio.CancelScope() as scope:
        async with open_api_connection([leader.url], leader.context()) as connection:
            node = FakeNode(TypedClient(connection), f"board-{number}", number)
            async with trio.open_nursery() as nursery:
                await nursery.start(node.run)
                task_status.started(scope)


async def find_wrong(driver):
    """What is wrong once nothing changes any more for the better."""
    wrong = []
    with trio.move_on_after(REST_S):
        while True:
            wrong = check(await driver.everything())
            if not wrong:
                await trio.sleep(1.0)  # rest is not a moment between two changes
                wrong = check(await driver.everything())
                if not wrong:
                    return []
            await trio.sleep(0.5)
    return wrong


async def lost_writes(driver):
    maps = (await driver.everything()).get("ConfigMap", [])
    found = {}
    for kept in maps:
        meta = kept["metadata"]
        path = f"/api/v1/namespaces/{meta['namespace']}/configmaps/{meta['name']}"
        found[path] = kept.get("data", {}).get("n")
    return {
        path: (found.get(path), may_be)
        for path, may_be in driver.acknowledged.items()
        if found.get(path) not in may_be
    }


async def test_random_work_and_crashes_leave_everything_right(tmp_path):
    print(f"PIKUBE_SOAK_SEED={SEED} PIKUBE_SOAK_S={SECONDS:g}")
    leader = Leader(tmp_path)
    leader.start()
    try:
        async with AsyncExitStack() as stack, trio.open_nursery() as nursery:
            began = time.monotonic()
            while not (tmp_path / "kubeconfig").exists():
                assert time.monotonic() - began < 60, leader.log()
                await trio.sleep(0.1)
            connection = await stack.enter_async_context(open_api_connection([leader.url], leader.context()))
            driver = Driver(connection, Workload(SEED))
            await driver.wait_answer()
            boards = {}
            for number in range(1, BOARDS + 1):
                boards[f"board-{number}"] = await nursery.start(run_board, leader, number)
            await prepare(driver)
            async with trio.open_nursery() as disturbed:
                disturbed.start_soon(disturb, leader, driver, boards, SECONDS)
                with trio.move_on_after(SECONDS):
                    while True:
                        await driver.step()
                        await trio.sleep(0.03)
            await driver.wait_answer()
            wrong = await find_wrong(driver)
            assert not wrong, "\n".join([*wrong, "leader's log:", leader.log()[-3000:]])
            assert not await lost_writes(driver)
            assert driver.sent > SECONDS, "hardly anything was done"
            assert driver.refused < driver.sent, "everything was refused"
            assert "controller_bug" not in leader.log(), leader.log()[-6000:]
            print(f"sent {driver.sent}, refused {driver.refused}, lost {driver.lost}")
            nursery.cancel_scope.cancel()
    finally:
        leader.kill()
