"""Shell: requests a second and CPU a request of the API, from one client over one kept-alive TLS connection.

Enter: a kubeconfig and the server's process. Leave: rows for the table of `python -m benchmarks`. The
references are Kubernetes 1.36 with etcd on a 2-core x86-64 machine, one client, HTTP/1.1 keep-alive.
"""

import base64
import http.client
import json
import os
import ssl
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

TICKS = os.sysconf("SC_CLK_TCK")
NAMESPACE = "bench"
JSON = "application/json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
REFERENCE = {"GET": 732, "LIST 500": 96, "CREATE": 360, "merge PATCH": 300, "apply": 306, "Table of 500": 64}
TARGET = {"GET": 1.5, "LIST 500": 4, "CREATE": 1.5, "merge PATCH": 1.5, "apply": 1.5, "Table of 500": 2}


@dataclass
class Row:
    what: str
    value: str
    target: str


def cpu_s(pid):
    """Processor seconds a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Client:
    def __init__(self, kubeconfig):
        config = yaml.safe_load(Path(kubeconfig).read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        context = ssl.create_default_context(
            cadata=base64.b64decode(cluster["certificate-authority-data"]).decode()
        )
        with tempfile.NamedTemporaryFile() as pair:
            pair.write(base64.b64decode(user["client-certificate-data"]))
            pair.write(base64.b64decode(user["client-key-data"]))
            pair.flush()
            context.load_cert_chain(pair.name)
        host, _, port = cluster["server"].removeprefix("https://").partition(":")
        self._connection = http.client.HTTPSConnection(host, int(port), context=context)

    def ask(self, method, path, body=None, content_type=JSON, accept=JSON):
        data = json.dumps(body) if body is not None else None
        self._connection.request(method, path, data, {"Content-Type": content_type, "Accept": accept})
        answer = self._connection.getresponse()
        content = answer.read()
        assert answer.status < 300, (method, path, answer.status, content[:300])
        return content

    def stream(self, path):
        """The lines of an answer that does not end."""
        self._connection.request("GET", path, headers={"Accept": JSON})
        answer = self._connection.getresponse()
        assert answer.status == 200, (path, answer.status)
        return answer


def config_map(name, size=1000):
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": name}, "data": {"k": "x" * size}}


def pod(name):
    containers = [{"name": "c", "image": "localhost/none:1"}]
    spec = {"containers": containers, "schedulerName": "nobody"}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": name}, "spec": spec}


def measure(what, pid, count, call):
    """One row: requests a second against the reference, CPU a request."""
    times = []
    before = cpu_s(pid)
    began = time.perf_counter()
    for number in range(count):
        at = time.perf_counter()
        call(number)
        times.append(time.perf_counter() - at)
    took_s = time.perf_counter() - began
    cpu_ms = (cpu_s(pid) - before) / count * 1000
    rate = count / took_s
    ratio = rate / REFERENCE[what]
    value = (
        f"{rate:7.0f}/s  p50 {statistics.median(times) * 1000:6.2f} ms  {cpu_ms:5.2f} ms CPU  {ratio:4.1f} ×"
    )
    return Row(f"{what}, 1 client", value, f"≥ {TARGET[what]} × {REFERENCE[what]}/s")


def run(kubeconfig, pid):
    """All rows."""
    client = Client(kubeconfig)
    base = f"/api/v1/namespaces/{NAMESPACE}"
    client.ask("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    maps, pods = f"{base}/configmaps", f"{base}/pods"
    merge, apply = "application/merge-patch+json", "application/apply-patch+yaml"
    rows = [
        measure("CREATE", pid, 500, lambda n: client.ask("POST", maps, config_map(f"m{n}"))),
        measure("GET", pid, 2000, lambda n: client.ask("GET", f"{maps}/m7")),
        measure("LIST 500", pid, 300, lambda n: client.ask("GET", f"{maps}?limit=500")),
        measure(
            "merge PATCH",
            pid,
            500,
            lambda n: client.ask("PATCH", f"{maps}/m7", {"data": {"n": str(n)}}, merge),
        ),
        measure(
            "apply",
            pid,
            500,
            lambda n: client.ask(
                "PATCH", f"{maps}/a?fieldManager=bench&force=true", config_map("a", 900 + n % 7), apply
            ),
        ),
    ]
    for number in range(500):
        client.ask("POST", pods, pod(f"p{number}"))
    rows.append(measure("Table of 500", pid, 100, lambda n: client.ask("GET", pods, accept=TABLE)))
    client.ask("DELETE", f"/api/v1/namespaces/{NAMESPACE}")
    return rows


def main():
    """argv: kubeconfig, the server's process. Prints the rows as JSON."""
    kubeconfig, pid = sys.argv[1], int(sys.argv[2])
    rows = run(kubeconfig, pid)
    print(json.dumps([asdict(row) for row in rows]))


if __name__ == "__main__":
    main()
