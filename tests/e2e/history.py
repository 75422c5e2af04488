"""A history of what clients of the API asked, were told and saw, and whether one order of writes explains it all.

Each writer has names of its own, so that its own order is the order of its objects; watchers see everything. After
etcd's robustness suite (tests/robustness/validate): a write without an answer may or may not have happened.
"""

import base64
import contextlib
import http.client
import json
import ssl
import tempfile
import threading
from dataclasses import dataclass, field

import yaml

PATH = "/api/v1/namespaces/default/configmaps"
LOST = (OSError, http.client.HTTPException, ssl.SSLError, ValueError)
ABSENT = None


class Door:
    """HTTPS to the API as the administrator; each call is a connection of its own."""

    def __init__(self, kubeconfig):
        content = yaml.safe_load(kubeconfig.read_text())
        cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
        self._host = cluster["server"].removeprefix("https://")
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._context = ssl.create_default_context(cadata=authority)
        with tempfile.NamedTemporaryFile() as file:
            for part in ("client-certificate-data", "client-key-data"):
                file.write(base64.b64decode(user[part]) + b"\n")
            file.flush()
            self._context.load_cert_chain(file.name)

    @contextlib.contextmanager
    def open(self, method, path, body=None):
        """An answer whose body is still to be read."""
        connection = http.client.HTTPSConnection(self._host, context=self._context, timeout=10)
        with contextlib.closing(connection):
            data = None if body is None else json.dumps(body).encode()
            connection.request(method, path, data, {"Content-Type": "application/json"})
            with contextlib.closing(connection.getresponse()) as answer:
                yield answer

    def ask(self, method, path, body=None):
        """(status, document)."""
        with self.open(method, path, body) as answer:
            return answer.status, json.loads(answer.read())


@dataclass
class Session:
    """One list and the watch that followed: what was there, and the events, in the order seen."""

    begin: int
    listed: dict
    events: list = field(default_factory=list)  # (type, name, revision, value)


class Writer(threading.Thread):
    """Creates, changes and deletes objects of its own until told to stop."""

    def __init__(self, door, number, stop):
        super().__init__(daemon=True)
        self._door, self._number, self._end = door, number, stop
        self.writes = []  # (name, value or ABSENT, revision or None when there was no answer)
        self.acknowledged = 0

    def run(self):
        turn = 0
        while not self._end.is_set():
            turn += 1
            name = f"w{self._number}-{turn % 3}"
            value = ABSENT if turn % 7 == 0 else f"{self._number}/{turn}"
            try:
                revision = self._write(name, value)
            except LOST:
                self.writes.append((name, value, None))
                self._end.wait(0.02)
                continue
            if revision is not None:
                self.acknowledged += 1
                self.writes.append((name, value, revision))

    def _write(self, name, value):
        """The revision of an acknowledged write; None when it was refused."""
        body = {"metadata": {"name": name}, "data": {"value": value}}
        if value is ABSENT:
            code, answer = self._door.ask("DELETE", f"{PATH}/{name}")
        else:
            code, answer = self._door.ask("PUT", f"{PATH}/{name}", body)
            if code == 404:
                code, answer = self._door.ask("POST", PATH, body)
        assert code in (200, 201, 404, 409, 429, 503), answer
        if code >= 400:
            return None
        return 0 if value is ABSENT else int(answer["metadata"]["resourceVersion"])


class Watcher(threading.Thread):
    """Lists and watches, again and again."""

    def __init__(self, door, stop):
        super().__init__(daemon=True)
        self._door, self._end = door, stop
        self.sessions = []

    def run(self):
        while not self._end.is_set():
            try:
                self._follow()
            except LOST:
                self._end.wait(0.02)

    def _follow(self):
        code, listed = self._door.ask("GET", PATH)
        if code != 200:
            return
        revision = int(listed["metadata"]["resourceVersion"])
        session = Session(revision, {one["metadata"]["name"]: _version(one) for one in listed["items"]})
        self.sessions.append(session)
        with self._door.open(
            "GET", f"{PATH}?watch=true&resourceVersion={revision}&timeoutSeconds=5"
        ) as answer:
            while answer.status == 200 and (line := answer.readline()):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return
                obj = event["object"]
                value = obj.get("data", {}).get("value")
                session.events.append((event["type"], obj["metadata"]["name"], _version(obj), value))


def _version(document):
    return int(document["metadata"]["resourceVersion"])


def check_session(session):
    """Order, no double, and every event fits what was known before it."""
    known, newest = dict(session.listed), session.begin
    for type_, name, revision, _ in session.events:
        assert revision > newest, f"revision {revision} of {name} came after {newest}"
        newest = revision
        assert (name in known) == (type_ != "ADDED"), f"{type_} {name} at {revision}: known {known.get(name)}"
        if type_ == "DELETED":
            del known[name]
        else:
            known[name] = revision


def check_no_gap(session, writes):
    """Every acknowledged write that lies between the first and the last event of a session is among its events."""
    seen = {revision for _, _, revision, _ in session.events}
    last = max(seen, default=session.begin)
    missed = [
        w
        for w in writes
        if w[2] and session.begin < w[2] <= last and w[2] not in seen and w[0].startswith("w")
    ]
    assert not missed, f"a watch from {session.begin} to {last} did not see {missed[:3]}"


def check_one_story(sessions):
    """What two watches say of one revision is the same."""
    told = {}
    for session in sessions:
        for type_, name, revision, value in session.events:
            fact = (type_ == "DELETED", name, value)
            assert told.setdefault(revision, fact) == fact


def check_outcome(writes, found):
    """The last state of each object is that of its last acknowledged write, or of one after it without an answer."""
    possible = {}
    for name, value, revision in writes:
        if revision is None:
            possible.setdefault(name, {ABSENT}).add(value)
        else:
            possible[name] = {value}
    for name, values in possible.items():
        assert found.get(name, ABSENT) in values, (
            f"{name} is {found.get(name)}, but one of {values} was written"
        )
    acknowledged = [revision for _, _, revision in writes if revision]
    assert acknowledged == sorted(set(acknowledged)), "a writer's own revisions rise"
