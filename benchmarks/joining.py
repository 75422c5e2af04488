"""Shell: how long a leader takes to answer, a board to be Ready, and what a hundred boards that join at once cost it.

Called by `python -m benchmarks`; alone: `python -m benchmarks.joining`. Two boards on a LAN of their own
(tests/e2e). What must run inside a board's network namespace is this module again, with arguments. Needs root.
"""

import http.client
import json
import ssl
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "e2e"))

from cluster import Cluster

from benchmarks.api import Client, Row, cpu_s
from pikube.agent.enrolling import request_for
from pikube.certs.authority import make_key
from pikube.certs.enrolment import JOIN

STORM = 100
LOOK_S = 0.01
GIVE_UP_S = 60.0


def wait(what, condition):
    """The instant (CLOCK_MONOTONIC, the same for all processes) at which the condition came true."""
    while time.monotonic() < wait.began + GIVE_UP_S:
        if condition():
            return time.monotonic()
        time.sleep(LOOK_S)
    raise TimeoutError(what)


wait.began = time.monotonic()


def inside(board, *argv):
    """This module in a board's namespace; the JSON that it printed."""
    done = board.run(sys.executable, "-m", "benchmarks.joining", *argv, timeout_s=120)
    return json.loads(done.stdout)


def has_answered(address):
    """Whether the API says that it is ready."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection(address, 6443, context=context, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def is_ready(client, name):
    try:
        node = json.loads(client.ask("GET", f"/api/v1/nodes/{name}"))
    except AssertionError:
        return False
    return any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"].get("conditions", []))


def storm(address, token, addresses):
    """A board from each address, all at once; how long until the last was answered."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    requests = []
    for number, source in enumerate(addresses):
        name = f"storm-{number}"
        wish = {"token": token, "node": name, "request": request_for(make_key(), name), "addresses": [source]}
        requests.append((source, json.dumps(wish)))

    def join(request):
        connection = http.client.HTTPSConnection(
            address, 6443, context=context, source_address=(request[0], 0), timeout=60
        )
        connection.request("POST", JOIN, request[1], {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status == 201, (answer.status, content[:300])
        connection.close()

    began = time.monotonic()
    with ThreadPoolExecutor(len(requests)) as pool:
        list(pool.map(join, requests))
    return time.monotonic() - began


def resident_kb(pid):
    line = next(x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1])


def rows():
    """For the table."""
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="pikube-joins-")))
    try:
        cluster.open(2)
        leader, board = cluster.boards
        began = time.monotonic()
        leader.spawn("leader", "--write-kubeconfig", str(leader.kubeconfig))
        ready_s = inside(leader, "api", leader.address) - began
        leader.wait_api()
        cluster.wait_ready(leader.node)
        token = cluster.token()
        began = time.monotonic()
        board.join(token, cluster.url)
        joined_s = inside(leader, "node", str(leader.kubeconfig), board.node) - began
        sources = [f"{leader.address.rpartition('.')[0]}.{100 + number}" for number in range(STORM)]
        for source in sources:
            leader.run("ip", "address", "add", f"{source}/32", "dev", "lo")
        pid = leader.process.pid
        used, resident = cpu_s(pid), resident_kb(pid)
        storm_s = inside(leader, "storm", leader.address, token, *sources)
        cost_ms = (cpu_s(pid) - used) / STORM * 1000
        cost_kb = (resident_kb(pid) - resident) / STORM
    finally:
        cluster.close()
    return [
        Row("exec → API ready, empty store", f"{ready_s:7.2f} s", "≤ 1.5 s"),
        Row("pikube join → node Ready", f"{joined_s:7.2f} s", "≤ 3 s"),
        Row(
            f"{STORM} boards join at once",
            f"{storm_s:7.2f} s, {cost_ms:.1f} ms CPU and {cost_kb:.0f} KB of the leader each",
            "-",
        ),
    ]


def main(argv):
    if not argv:
        for row in rows():
            print(f"{row.what:<32}  {row.value:<50}  target {row.target}")
    elif argv[0] == "api":
        print(json.dumps(wait("the API", lambda: has_answered(argv[1]))))
    elif argv[0] == "node":
        client = Client(argv[1])
        print(json.dumps(wait("the node", lambda: is_ready(client, argv[2]))))
    else:
        print(json.dumps(storm(argv[1], argv[2], argv[3:])))


if __name__ == "__main__":
    main(sys.argv[1:])
