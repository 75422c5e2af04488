"""A load that counts: one request after the other to each address, from the computer beside the boards."""

import subprocess
import threading
from collections import Counter


class Load:
    def __init__(self, shelf, urls) -> None:
        self._shelf = shelf
        self._urls = urls
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(url,)) for url in urls]
        self.counts = {url: Counter() for url in urls}

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self._ended.set()
        for thread in self._threads:
            thread.join()

    @property
    def answered(self):
        return sum(count["200"] for count in self.counts.values())

    @property
    def failed(self):
        return sum(count.total() - count["200"] for count in self.counts.values())

    def words(self):
        return "; ".join(f"{url} {dict(count)}" for url, count in self.counts.items())

    def _ask(self, url):
        argv = self._shelf.inside(
            "curl", "-s", "-o", "/dev/null", "-m", "5", "-w", "%{http_code} %{exitcode} %{time_total}\n", url
        )
        while not self._ended.is_set():
            done = subprocess.run(argv, capture_output=True, text=True, check=False)
            code, exit_code, _ = done.stdout.split()
            self.counts[url]["200" if code == "200" else f"curl {exit_code}"] += 1
            self._ended.wait(0.05)
