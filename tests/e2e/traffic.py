"""Traffic for end-to-end tests: clients in a network namespace that ask again and again until told to stop."""

import re
import signal
import subprocess
import threading
import time

PATIENCE_S = 10


def inside(namespace, *argv):
    """argv of a command in a network namespace."""
    return ["nsenter", f"--net=/run/netns/{namespace}", *argv]


class Again:
    """A command again and again, by a few clients at a time; each with its times and what went wrong."""

    def __init__(self, argv, clients):
        self._argv = argv
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]
        self.made = []  # (began, ended, what went wrong)

    def _run(self):
        while not self._is_over.is_set():
            began = time.monotonic()
            done = subprocess.run(self._argv, capture_output=True, text=True)
            self.made.append((began, time.monotonic(), self.problem(done)))

    def problem(self, done):
        return done.stderr if done.returncode else ""

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def failed(self, lost_at=float("inf")):
        """All but those that were on their way when a board was lost: what it took with it nobody can give back."""
        return [(began, why) for began, ended, why in self.made if why and not began < lost_at < ended]

    def longest_s(self, since):
        return max(ended - began for began, ended, _ in self.made if began > since)


class Requests(Again):
    """curl, a new connection for each request."""

    def __init__(self, namespace, url, clients=3):
        argv = ("curl", "-sS", "-o", "/dev/null", "--max-time", str(PATIENCE_S), url)
        super().__init__(inside(namespace, *argv), clients)


class Questions(Again):
    """dig, once each: a name that is not answered is a failure."""

    def __init__(self, namespace, name):
        argv = ("dig", "@10.43.0.10", name, "+tries=1", "+timeout=2", "+noall", "+comments")
        super().__init__(inside(namespace, *argv), 1)

    def problem(self, done):
        return "" if "status: NOERROR" in done.stdout else done.stdout or "no answer"


class Wrk:
    """wrk: eight clients with a new connection for each request. `refused`: connects that failed, `broken`: reads."""

    def __init__(self, namespace, url, directory):
        script = directory / "calm.lua"
        script.write_text("function delay() return 20 end\n")  # ms: the boards have something to do beside us
        argv = ("wrk", "-t1", "-c8", "-d300s", "-s", str(script), "-H", "Connection: close", url)
        self._argv = inside(namespace, *argv)

    def __enter__(self):
        self._process = subprocess.Popen(self._argv, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_):
        self._process.send_signal(signal.SIGINT)
        said, _ = self._process.communicate(timeout=30)
        self.count = int(re.search(r"(\d+) requests in", said)[1])
        found = re.search(r"Socket errors: connect (\d+), read (\d+)", said)
        self.refused, self.broken = map(int, found.groups()) if found else (0, 0)
