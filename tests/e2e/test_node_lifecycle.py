"""A pod's life on its board: hooks, last words, ends, namespaces shared and not, visitors, and what comes back."""

import json

from board import wait_until

BOX = "localhost/box:1"


def apply(board, namespace, *objects):
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
    board.kubectl("-n", namespace, "apply", "-f", "-", text_in=text)


def pod(name, *containers, **spec):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": list(containers), **spec},
    }


def box(name, script="sleep 1000", **more):
    return {"name": name, "image": BOX, "command": ["sh", "-c", script], **more}


def status_of(board, namespace, name):
    return board.get("pod", name, "-n", namespace)["status"]


def container_of(board, namespace, name, container="c"):
    status = status_of(board, namespace, name)
    every = [
        *status.get("containerStatuses", []),
        *status.get("initContainerStatuses", []),
        *status.get("ephemeralContainerStatuses", []),
    ]
    return next((s for s in every if s["name"] == container), {"state": {}, "restartCount": 0})


def ready(board, namespace, *names):
    for name in names:
        board.kubectl("-n", namespace, "wait", "--for=condition=Ready", f"pod/{name}", "--timeout=60s")


def over(board, namespace, name):
    """The status of a pod that has ended, else None."""
    status = status_of(board, namespace, name)
    return status if status.get("phase") in ("Succeeded", "Failed") else None


def ended(board, namespace, name, container="c"):
    """The terminated state once the pod is over."""

    def found():
        return over(board, namespace, name) and container_of(board, namespace, name, container)["state"].get(
            "terminated"
        )

    return wait_until(found, 60, f"the end of {name}")


def sh(board, namespace, name, script, *argv, **options):
    return board.kubectl("-n", namespace, "exec", name, *argv, "--", "sh", "-c", script, **options)


def events_of(board, namespace, name):
    items = board.get("events", "-n", namespace, f"--field-selector=involvedObject.name={name}")["items"]
    return {(event["reason"], event["message"]) for event in items}


def test_ends_are_told_in_reasons_codes_and_last_words(board, namespace):
    once = {"restartPolicy": "Never"}
    fails = "echo one; echo two; exit 3"
    eats = "x=a; while true; do x=$x$x; done"
    apply(
        board,
        namespace,
        pod("done", box("c", "echo bye > /dev/termination-log"), **once),
        pod("failed", box("c", fails, terminationMessagePolicy="FallbackToLogsOnError"), **once),
        pod(
            "elsewhere",
            box("c", "echo there > /tmp/last; exit 1", terminationMessagePath="/tmp/last"),
            **once,
        ),
        pod("greedy", box("c", eats, resources={"limits": {"memory": "24Mi"}}), **once),
        pod("late", box("c"), activeDeadlineSeconds=1),
        pod("lost", {"name": "c", "image": BOX, "command": ["/no/such/program"]}, **once),
        pod("lost-again", {"name": "c", "image": BOX, "command": ["/no/such/program"]}),
        pod("init-failed", box("c"), initContainers=[box("i", "exit 4")], **once),
    )
    done = ended(board, namespace, "done")
    assert (done["reason"], done["exitCode"], done["message"]) == ("Completed", 0, "bye\n")
    failed = ended(board, namespace, "failed")
    assert (failed["reason"], failed["exitCode"], failed["message"]) == ("Error", 3, "one\ntwo\n")
    assert ended(board, namespace, "elsewhere")["message"] == "there\n"
    greedy = ended(board, namespace, "greedy")
    assert (greedy["reason"], greedy["exitCode"]) == ("OOMKilled", 137)
    late = wait_until(lambda: over(board, namespace, "late"), what="the deadline")
    assert (late["phase"], late["reason"]) == ("Failed", "DeadlineExceeded")
    assert ended(board, namespace, "init-failed", "i")["exitCode"] == 4

    lost = ended(board, namespace, "lost")
    assert (lost["reason"], lost["exitCode"]) == ("ContainerCannotRun", 127)
    assert "/no/such/program" in lost["message"]
    assert over(board, namespace, "lost")["phase"] == "Failed"

    def refused():
        status = container_of(board, namespace, "lost-again")
        waiting, last = status["state"].get("waiting", {}), status["lastState"].get("terminated", {})
        is_told = waiting.get("reason") == "RunContainerError" and "/no/such/program" in waiting["message"]
        return is_told and status["restartCount"] and last["reason"] == "ContainerCannotRun"

    wait_until(refused, what="RunContainerError")
    table = board.kubectl("-n", namespace, "get", "pods")
    for word in ("Completed", "OOMKilled", "Error", "Init:Error", "RunContainerError", "ContainerCannotRun"):
        assert word in table
    # a pod that is over gives its address back and keeps its logs
    assert board.kubectl("-n", namespace, "logs", "failed") == "one\ntwo\n"
    running = board.podman("ps", "--format", "{{.Names}}").stdout
    assert f"_done_{namespace}_" not in running


def test_hooks_run_before_and_after_and_their_failures_are_named(board, namespace):
    hooks = {
        "postStart": {"exec": {"command": ["sh", "-c", "echo started > /shared/post"]}},
        "preStop": {"exec": {"command": ["sh", "-c", "echo stopping >> /shared/pre"]}},
    }
    bad = {"postStart": {"exec": {"command": ["sh", "-c", "exit 1"]}}}
    path = board.directory / f"shared-{namespace}"
    shared = {"name": "shared", "hostPath": {"path": str(path), "type": "DirectoryOrCreate"}}
    mount = [{"name": "shared", "mountPath": "/shared"}]
    trap = "trap 'echo term >> /shared/pre; exit 0' TERM; sleep 1000 & wait"
    sleeper = box("c", lifecycle={"preStop": {"sleep": {"seconds": 1}}})
    apply(
        board,
        namespace,
        pod(
            "hooked", box("c", trap, lifecycle=hooks, volumeMounts=mount), volumes=[shared],
            terminationGracePeriodSeconds=20,
        ),
        pod("bad-hook", box("c", lifecycle=bad)),
        pod("sleeps", sleeper),
    )  # fmt: skip
    ready(board, namespace, "hooked", "sleeps")
    assert (path / "post").read_text() == "started\n"
    board.kubectl("-n", namespace, "delete", "pod", "hooked", "sleeps")
    assert (path / "pre").read_text() == "stopping\nterm\n"

    def named():
        words = [message for reason, message in events_of(board, namespace, "bad-hook")
                 if reason == "FailedPostStartHook"]  # fmt: skip
        return words and container_of(board, namespace, "bad-hook")["restartCount"] >= 1

    wait_until(named, what="FailedPostStartHook and a restart")


def test_namespaces_are_shared_as_asked(board, namespace):
    host = box("c", securityContext={"privileged": True})
    apply(
        board,
        namespace,
        pod("shares", box("c"), box("d"), shareProcessNamespace=True),
        pod("hosts", host, hostNetwork=True, hostPID=True, hostIPC=True),
        pod(
            "named", box("c"), hostname="me", subdomain="sub",
            hostAliases=[{"ip": "10.9.9.9", "hostnames": ["one", "two"]}], dnsPolicy="None",
            dnsConfig={"nameservers": ["10.8.8.8"], "searches": ["a.b"],
                       "options": [{"name": "ndots", "value": "2"}]},
            enableServiceLinks=False,
        ),
    )  # fmt: skip
    ready(board, namespace, "shares", "hosts", "named")
    assert sh(board, namespace, "shares", "ps", "-c", "c").count("sleep 1000") == 2
    inside = "for n in net ipc; do busybox readlink /proc/self/ns/$n; done; cat /proc/1/comm"
    net, ipc, name = sh(board, namespace, "hosts", inside).split()
    own_net, own_ipc = (
        board.run("readlink", f"/proc/self/ns/{kind}").stdout.strip() for kind in ("net", "ipc")
    )
    assert (net, ipc) == (own_net, own_ipc) and name not in ("sh", "sleep")
    hosts = status_of(board, namespace, "hosts")
    assert hosts["podIP"] == hosts["hostIP"]
    words = sh(board, namespace, "named", "cat /etc/resolv.conf /etc/hosts; hostname; env")
    for word in ("nameserver 10.8.8.8", "search a.b", "options ndots:2", "10.9.9.9\tone two",
                 f"me.sub.{namespace}.svc.cluster.local"):  # fmt: skip
        assert word in words
    assert "KUBERNETES_SERVICE_HOST" in words and "\nme\n" in words


def test_a_visitor_sees_the_processes_of_the_container_it_visits(board, namespace):
    apply(board, namespace, pod("visited", box("c", "sleep 1234")))
    ready(board, namespace, "visited")
    board.kubectl(
        "-n", namespace, "debug", "visited", f"--image={BOX}", "--target=c", "--container=v",
        "--image-pull-policy=IfNotPresent", "--attach=false", "--", "sh", "-c", "ps; exit 5",
    )  # fmt: skip

    def left():
        return container_of(board, namespace, "visited", "v")["state"].get("terminated")

    assert wait_until(left, what="the visitor ends")["exitCode"] == 5
    assert "sleep 1234" in board.kubectl("-n", namespace, "logs", "visited", "-c", "v")
    visited = container_of(board, namespace, "visited")
    assert visited["restartCount"] == 0
    # a visitor, which stays in the list for ever, keeps no attempt of whom it has visited
    board.podman("rm", "-f", "-t", "0", visited["containerID"].removeprefix("podman://"))
    wait_until(
        lambda: container_of(board, namespace, "visited")["restartCount"] == 1, what="a second attempt"
    )


def test_what_is_removed_behind_our_back_comes_back_and_is_counted(board, namespace):
    half = pod("half", box("c"), box("d", "exit 0"), restartPolicy="OnFailure")
    apply(board, namespace, pod("robbed", box("c")), pod("orphaned", box("c")), half)
    ready(board, namespace, "robbed", "orphaned")

    def has_done_its_part():
        return container_of(board, namespace, "half", "d")["state"].get("terminated")

    done = wait_until(has_done_its_part, what="a container that is not run twice")
    identity = container_of(board, namespace, "robbed")["containerID"].removeprefix("podman://")
    board.podman("rm", "-f", "-t", "0", identity)
    sandbox = board.podman("pod", "ps", "-q", "--filter", f"name=_orphaned_{namespace}_").stdout.split()
    sandbox += board.podman("pod", "ps", "-q", "--filter", f"name=_half_{namespace}_").stdout.split()
    board.podman("pod", "rm", "-f", "-t", "0", *sandbox)

    def is_back(name):
        found = container_of(board, namespace, name)
        return found["restartCount"] == 1 and found["state"].get("running")

    wait_until(lambda: is_back("robbed"), what="the container comes back")
    wait_until(lambda: is_back("orphaned"), what="the whole pod comes back")
    wait_until(lambda: is_back("half"), what="the half of it that is not done")
    assert has_done_its_part() == done and container_of(board, namespace, "half", "d")["restartCount"] == 0
    changed = ("SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")
    assert changed in events_of(board, namespace, "orphaned")
    assert "SandboxChanged" not in dict(events_of(board, namespace, "robbed"))
