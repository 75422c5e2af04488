"""A real relay process on loopback, with backends that tests command."""

import json
import os
import random
import resource
import socket
import subprocess
import sys
import threading
from pathlib import Path

from pikube.netproxy.targets import Backend, Backends, Listener, encode_entry

ECHO_CHUNK = 65536


def free_port(kind=socket.SOCK_STREAM):
    """A port that nobody has on any address, from below those that connections get."""
    for number in random.sample(range(15_000, 30_000), 100):
        with socket.socket(socket.AF_INET, kind) as sock:
            try:
                sock.bind(("0.0.0.0", number))
            except OSError:
                continue
            return number
    raise AssertionError("no port is free")


def wait_until(condition, timeout_s=30.0):
    pause = threading.Event()
    for _ in range(int(timeout_s / 0.01)):
        found = condition()
        if found:
            return found
        pause.wait(0.01)
    raise AssertionError("the condition did not come true")


class RelayBed:
    """`put` opens doors; `synced` returns the relay's statistics."""

    def __init__(self, directory: Path, descriptors: int | None = None) -> None:
        self.directory = directory
        self._descriptors = descriptors
        self.processes = []
        self.failures = {}
        self._number = 0
        self.start()

    def start(self):
        """The relay, or a successor of the one that runs."""

        def limit():
            if self._descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, (self._descriptors, self._descriptors))

        argv = [sys.executable, "-m", "pikube", "relay", str(self.directory)]
        process = subprocess.Popen(argv, preexec_fn=limit, stderr=subprocess.DEVNULL)
        self.processes.append(process)
        wait_until(lambda: self._greets(process.pid))

    @property
    def pid(self):
        return self.processes[-1].pid

    def _greets(self, pid):
        assert self.processes[-1].poll() is None
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(str(self.directory / "relay.sock"))
        except OSError:
            sock.close()
            return False
        lines = sock.makefile()
        try:
            greeting = json.loads(lines.readline())
        except (OSError, ValueError):  # a relay that hands over hangs up
            greeting = {}
        if greeting.get("pid") != pid:
            lines.close()
            sock.close()
            return False
        self.control, self.lines = sock, lines
        return True

    def put(self, listener, *targets, **options):
        backends = Backends("shop/web", tuple(Backend(*t) for t in targets), **options)
        self._say({"put": [encode_entry(Listener(*listener), backends)]})
        return self.synced()

    def drop(self, listener):
        self._say({"drop": [listener]})
        self.synced()

    def tell(self, message):
        """Anything that an agent says."""
        self._say(message)
        return self.synced()

    def synced(self):
        self._number += 1
        self._say({"sync": self._number})
        while True:
            message = json.loads(self.lines.readline())
            if message.get("synced") == self._number:
                return message["statistics"]
            if "why" in message:
                self.failures[Listener(*message["listener"])] = message["why"]

    def _say(self, message):
        self.control.sendall(json.dumps(message).encode() + b"\n")

    def hang_up(self):
        self.lines.close()
        self.control.close()

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def close(self):
        self.hang_up()
        for process in self.processes:
            process.terminate()
            process.wait(timeout=10)


class Server:
    """A TCP backend on a port of loopback; each connection is served by `serve(socket)` in a thread."""

    def __init__(self, serve, port=0):
        self._listener = socket.create_server(("127.0.0.1", port), backlog=1024)
        self.target = self._listener.getsockname()[:2]
        self.count = 0
        self._serve = serve
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.count += 1
            threading.Thread(target=self._guard, args=(sock,), daemon=True).start()

    def _guard(self, sock):
        with sock:
            try:
                self._serve(sock)
            except OSError:
                return

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def echo(sock):
    while data := sock.recv(ECHO_CHUNK):
        sock.sendall(data)


def named(name):
    """Says its name at once and waits for the end."""

    def serve(sock):
        sock.sendall(name.encode())
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(ECHO_CHUNK):
            pass

    return serve


def ask(address, data=b""):
    """Connect, send, end, read to the end."""
    with socket.create_connection(address, timeout=10) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := sock.recv(ECHO_CHUNK):
            answer += chunk
        return answer
