"""exec, attach, run, debug, cp, logs and the proxies, as people use them, with the newest and the oldest kubectl."""

import json
import subprocess
import sys

import pytest
from board import wait_until
from kubectls import NEWEST, OLDEST
from terminal import Terminal

PODS = """\
apiVersion: v1
kind: Pod
metadata: {name: talk, labels: {app: talk}}
spec:
  terminationGracePeriodSeconds: 0
  initContainers: [{name: first, image: "localhost/box:1", command: [echo, from first]}]
  containers:
    - name: shell
      image: localhost/box:1
      stdin: true
      tty: true
      command: [sh]
    - name: lines
      image: localhost/box:1
      command:
        - sh
        - -c
        - for i in 1 2 3; do echo line $i; done; sleep 0.2; echo wrong >&2; sleep 0.2; printf open; exec sleep 999
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: talk, serves: web}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: web
      image: localhost/box:1
      ports: [{name: http, containerPort: 8080}]
      readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1}
      command:
        - sh
        - -c
        - |
          mkdir -p /www/cgi-bin /www/sub
          echo '<a href="/sub/">there</a><a href="near">here</a>' > /www/index.html
          printf '#!/bin/sh\\necho Content-Type: text/plain; echo; env; cat' > /www/cgi-bin/echo
          chmod +x /www/cgi-bin/echo
          exec httpd -f -p 8080 -h /www
---
apiVersion: v1
kind: Pod
metadata: {name: reads}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: c
      image: localhost/box:1
      stdin: true
      command: [sh, -c, "while read word; do echo got $word; done; echo over; exec sleep 999"]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {serves: web}, ports: [{name: http, port: 80, targetPort: http}, {name: none, port: 81}]}
"""
BOTH = pytest.mark.parametrize("program", [NEWEST, OLDEST], ids=["newest", "oldest"])


@pytest.fixture(scope="module")
def talk(board):
    """A namespace with a pod to talk to and one that serves."""
    board.kubectl("create", "namespace", "streams")
    board.kubectl("-n", "streams", "apply", "-f", "-", text_in=PODS)
    board.kubectl("-n", "streams", "wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")
    yield "streams"
    board.kubectl("delete", "namespace", "streams", "--wait=false")


@pytest.fixture
def type_into(board, talk):
    """Opens terminals that run kubectl on the board."""
    terminals = []

    def open_terminal(program, *argv):
        command = [
            *(
                "nsenter",
                f"--net=/run/netns/{board.name}",
                program,
                f"--cache-dir={board.directory}/cache-tty",
            ),
            *("-n", talk, *argv),
        ]
        terminals.append(Terminal(command, board.environment()))
        return terminals[-1]

    yield open_terminal
    for terminal in terminals:
        terminal.close()


def raw(board, path, **options):
    return board.kubectl("get", "--raw", f"/api/v1/namespaces/streams{path}", **options)


@BOTH
def test_a_person_attaches_types_and_resizes(type_into, program):
    terminal = type_into(program, "attach", "-it", "talk", "-c", "shell")
    terminal.expect("If you don't see a command prompt")
    terminal.type("echo $((6*7))\n")
    terminal.expect("42")
    # kubectl says one line and column more first, so that what runs draws itself anew
    terminal.type('until test "$(stty size)" = "33 101"; do sleep 0.1; done; echo fits-$((6*8))\n')
    terminal.expect("fits-48")
    terminal.resize(120, 40)
    terminal.type('until test "$(stty size)" = "40 120"; do sleep 0.1; done; echo fits-$((6*9))\n')
    terminal.expect("fits-54")


def test_an_input_stays_open_for_the_next_one_who_attaches(board, talk):
    """Two people one after the other; kubectl stays attached when its own input ends, so it is sent away."""
    for words in ("first", "second"):
        attach = ("kubectl", "-n", talk, "attach", "-i", "reads")
        with subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{board.name}", *attach],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=board.environment(),
        ) as kubectl:  # fmt: skip
            kubectl.stdin.write(f"{words}\n".encode())
            kubectl.stdin.close()
            log = lambda: board.kubectl("-n", talk, "logs", "reads")  # noqa: E731
            wait_until(lambda: f"got {words}" in log(), what=words)  # noqa: B023
            kubectl.terminate()
    assert log() == "got first\ngot second\n"


@BOTH
def test_exec_with_a_terminal_ends_with_the_code_of_the_command(type_into, program):
    terminal = type_into(program, "exec", "-it", "talk", "-c", "lines", "--", "sh")
    terminal.type("tty; exit 9\n")
    terminal.expect("/dev/pts/")
    assert terminal.end() == 9


@BOTH
def test_run_waits_for_its_pod_and_removes_it(board, talk, program):
    run = ("-n", talk, "run", "once", "--image=localhost/box:1", "--restart=Never", "-i", "--rm", "--")
    done = board.kubectl(*run, "cat", program=program, text_in="piped\n", check=False)
    assert done.returncode == 0 and "piped\n" in done.stdout and 'pod "once" deleted' in done.stdout
    failed = board.kubectl(*run, "sh", "-c", "exit 6", program=program, check=False)
    assert failed.returncode == 6
    gone = board.kubectl("-n", talk, "get", "pod", "once", check=False)
    assert 'pods "once" not found' in gone.stderr


def test_run_with_a_terminal(type_into):
    terminal = type_into(
        NEWEST, "run", "tty", "--image=localhost/box:1", "--restart=Never", "-it", "--rm", "--", "sh"
    )
    terminal.type("echo $((40+2))\nexit 5\n")
    terminal.expect("42")
    terminal.expect('pod "tty" deleted')
    assert terminal.end() == 5


def test_debug_in_a_pod_beside_a_pod_and_on_a_node(board, talk):
    image = "--image=localhost/box:1"
    look = "read word; wget -qO- 127.0.0.1:8080"  # what is printed before kubectl is attached is not seen
    beside = board.kubectl(
        "-n", talk, "debug", "web", image, "-c", "look", "-i", "--", "sh", "-c", look, text_in="go\n"
    )
    assert "there" in beside
    pod = board.get("pod", "web", "-n", talk)
    assert [c["name"] for c in pod["spec"]["ephemeralContainers"]] == ["look"]

    def ended():
        statuses = board.get("pod", "web", "-n", talk)["status"]["ephemeralContainerStatuses"]
        return statuses[0]["state"].get("terminated")

    assert wait_until(ended, what="the end of the ephemeral container")["reason"] == "Completed"
    board.kubectl(
        *("-n", talk, "debug", "web", image, "--copy-to=web-copy", "--container=web", "--", "sleep", "1000")
    )
    copy = board.get("pod", "web-copy", "-n", talk)
    assert copy["spec"]["containers"][0]["command"] == ["sleep", "1000"]
    assert "labels" not in copy["metadata"]
    board.kubectl("-n", talk, "delete", "pod", "web-copy", "--wait=false")
    look = "read word; ls /host"
    node = board.kubectl(
        "-n", talk, "debug", "node/board", image, "-i", "--", "sh", "-c", look, text_in="go\n"
    )
    assert "etc" in node.split() and "usr" in node.split()


@BOTH
def test_files_and_folders_are_copied_both_ways(board, talk, tmp_path, program):
    (tmp_path / "tree" / "deep").mkdir(parents=True)
    (tmp_path / "tree" / "deep" / "blob").write_bytes(bytes(range(256)) * 4096)
    (tmp_path / "tree" / "name with space").write_text("one")
    board.kubectl("-n", talk, "cp", str(tmp_path / "tree"), "web:/tmp/tree", program=program)
    seen = board.kubectl("-n", talk, "exec", "web", "--", "ls", "/tmp/tree")
    assert seen.splitlines() == ["deep", "name with space"]
    board.kubectl("-n", talk, "cp", "web:/tmp/tree", str(tmp_path / "back"), program=program)
    assert (tmp_path / "back" / "deep" / "blob").read_bytes() == bytes(range(256)) * 4096
    board.kubectl(
        "-n", talk, "cp", f"{talk}/web:/tmp/tree/name with space", str(tmp_path / "one"), program=program
    )
    assert (tmp_path / "one").read_text() == "one"
    board.kubectl("-n", talk, "exec", "web", "--", "rm", "-r", "/tmp/tree")


@BOTH
def test_logs_with_every_option(board, talk, program):
    def logs(*argv, **options):
        return board.kubectl("-n", talk, "logs", *argv, program=program, **options)

    assert logs("talk", "-c", "lines") == "line 1\nline 2\nline 3\nwrong\nopen"
    assert logs("talk", "-c", "first") == "from first\n"
    assert logs("talk", "-c", "lines", "--tail=3") == "line 3\nwrong\nopen"
    assert logs("talk", "-c", "lines", "--limit-bytes=9") == "line 1\nli"
    assert logs("talk", "-c", "lines", "--since-time=2099-01-01T00:00:00Z") == ""
    assert logs("talk", "-c", "lines", "--since=1h", "--tail=-1").startswith("line 1\n")
    stamp, text = logs("talk", "-c", "lines", "--timestamps", "--tail=2").splitlines()[0].split(" ", 1)
    assert text == "wrong" and len(stamp) == len("2026-11-24T15:39:59.510523313Z")
    everything = logs("talk", "--all-containers", "--prefix")
    assert "[pod/talk/first] from first\n" in everything and "[pod/talk/lines] line 1\n" in everything
    chosen = logs("-l", "app=talk", "--all-containers", "--prefix", "--tail=1")
    assert "[pod/talk/first] from first" in chosen
    many = logs("-l", "app=talk", "-f", "--all-containers", "--max-log-requests=1", check=False)
    assert "maximum allowed concurrency is 1" in many.stderr
    before = logs("talk", "-c", "lines", "-p", check=False)
    assert 'previous terminated container "lines" in pod "talk" not found' in before.stderr


def test_logs_that_are_wished_wrongly_are_refused_as_kubernetes_does(board, talk):
    cases = {
        "tailLines=-1": "tailLines: Invalid value: -1: must be greater than or equal to 0",
        "limitBytes=0": "limitBytes: Invalid value: 0: must be greater than 0",
        "sinceSeconds=0": "sinceSeconds: Invalid value: 0: must be greater than 0",
        "stream=Both": 'stream: Unsupported value: "Both": supported values: "All", "Stderr", "Stdout"',
        "tailLines=x": 'strconv.ParseInt: parsing "x": invalid syntax',
        "container=none": "container none is not valid for pod talk",
        "": "a container name must be specified for pod talk, choose one of: [shell lines]",
    }
    for query, words in cases.items():
        path = (
            f"/pods/talk/log?{query}"
            if query.startswith("container") or not query
            else f"/pods/web/log?{query}"
        )
        assert words in raw(board, path, check=False).stderr
    assert raw(board, "/pods/talk/log?container=lines&stream=Stderr") == "wrong\n"


def test_a_followed_log_ends_with_its_container(board, talk):
    board.kubectl(
        *("-n", talk, "run", "short", "--image=localhost/box:1", "--restart=Never", "--"),
        *("sh", "-c", "echo begun; sleep 1; echo ended"),
    )
    wait_until(
        lambda: board.kubectl("-n", talk, "logs", "short", check=False).stdout == "begun\n",
        what="a first line",
    )
    assert board.kubectl("-n", talk, "logs", "-f", "short") == "begun\nended\n"


def test_the_proxies_carry_any_request_and_keep_links_inside(board, talk):
    inside = "/api/v1/namespaces/streams"
    for path in (
        "/pods/web/proxy/",
        "/pods/http:web:8080/proxy/",
        "/services/web:http/proxy/",
        "/services/web:80/proxy/",
    ):
        page = raw(board, path)
        assert page == f'<a href="{inside}{path}sub/">there</a><a href="near">here</a>\n'
    seen = raw(board, "/pods/web/proxy/cgi-bin/echo?a=1&b=%2F")
    assert "QUERY_STRING=a=1&b=%2F" in seen and "AUTHORIZATION" not in seen
    assert f"HTTP_X_FORWARDED_URI={inside}/pods/web/proxy/cgi-bin/echo" in seen
    refusals = {
        "/services/web/proxy/": 'no endpoints available for service "web"',
        "/services/web:82/proxy/": 'no service port 82 found for service "web"',
        "/services/none/proxy/": 'services "none" not found',
        "/pods/web:9/proxy/": "error trying to reach service",
        "/pods/a:b:c:d/proxy/": 'invalid pod request "a:b:c:d"',
    }
    for path, words in refusals.items():
        assert words in raw(board, path, check=False).stderr
    assert board.kubectl("get", "--raw", "/api/v1/nodes/board/proxy/healthz") == "ok"
    pods = json.loads(board.kubectl("get", "--raw", "/api/v1/nodes/board/proxy/pods"))
    assert "talk" in {pod["metadata"]["name"] for pod in pods["items"]}


ECHO = r"""
read line
while read line && [ "${#line}" -gt 1 ]; do :; done
printf 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'
cat
"""
UPGRADE = """
import socket, sys
host, port, path = sys.argv[1:]
with socket.create_connection((host, int(port)), timeout=20) as raw:
    raw.sendall((f"GET {path} HTTP/1.1\\r\\nHost: {host}\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\n"
                 "Sec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: AAAA\\r\\n\\r\\n").encode())
    heard = b""
    while b"\\r\\n\\r\\n" not in heard:
        heard += raw.recv(4096) or exit(heard.decode())
    raw.sendall(b"ping\\n")
    while not heard.endswith(b"ping\\n"):
        heard += raw.recv(4096) or exit(heard.decode())
    print(heard.decode())
"""


def test_kubectl_proxy_serves_methods_redirects_and_upgrades(board, talk):
    command = [
        *("nsenter", f"--net=/run/netns/{board.name}", NEWEST, f"--kubeconfig={board.kubeconfig}", "proxy"),
        *("--port=0",),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as proxy:
        try:
            address = proxy.stdout.readline().split()[-1]  # Starting to serve on 127.0.0.1:41234
            base = f"http://{address}/api/v1/namespaces/{talk}/pods/web/proxy"
            posted = board.curl(f"{base}/cgi-bin/echo", "-X", "POST", "-d", "posted").stdout
            assert posted.endswith("posted") and "REQUEST_METHOD=POST" in posted
            head = board.curl(base, "--head").stdout
            assert "301 Moved Permanently" in head and f"/api/v1/namespaces/{talk}/pods/web/proxy/\n" in head
            assert json.loads(board.curl(f"http://{address}/version").stdout)["major"] == "1"
            board.kubectl("-n", talk, "exec", "-i", "web", "--", "sh", "-c", "cat > /tmp/echo", text_in=ECHO)
            board.kubectl(
                *("-n", talk, "exec", "web", "--", "sh", "-c"),
                "nc -ll -p 8090 -e sh /tmp/echo >/dev/null 2>&1 </dev/null &",
            )
            path = f"/api/v1/namespaces/{talk}/pods/web:8090/proxy/"

            look = "cat /proc/net/tcp* | while read line; do case $line in *:1F9A*) echo there;; esac; done"
            listening = ("-n", talk, "exec", "web", "--", "sh", "-c", look)
            wait_until(lambda: "there" in board.kubectl(*listening), what="a listener")
            said = board.run(sys.executable, "-c", UPGRADE, *address.split(":"), path).stdout
            assert said.startswith("HTTP/1.1 101 ") and said.rstrip().endswith("ping")
        finally:
            proxy.terminate()
