"""Legal but rare: names, restarts by exit code, directories that are not there, what a runtime cannot do."""

from board import wait_until
from test_node_lifecycle import apply, box, container_of, ended, events_of, over, pod, sh, status_of

ONCE = {"restartPolicy": "Never"}
ON_42 = [{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}]
VOLUME = {"volumes": [{"name": "v", "emptyDir": {}}]}


def waits(board, namespace, name):
    return container_of(board, namespace, name)["state"].get("waiting", {})


def test_a_pod_has_the_name_that_it_asks_for(board, namespace):
    say = "hostname; echo $HOSTNAME; cat /etc/hosts"
    full = {"subdomain": "sub", "setHostnameAsFQDN": True, **ONCE}
    apply(
        board,
        namespace,
        pod("short", box("c", say), subdomain="sub", **ONCE),
        pod("full", box("c", say), **full),
        pod("mine", box("c", say), hostnameOverride="mine.home", **ONCE),
        pod("x" * 40, box("c", say), **full),
    )
    for name, wanted in (
        ("short", "short"),
        ("full", f"full.sub.{namespace}.svc.cluster.local"),
        ("mine", "mine.home"),
    ):
        ended(board, namespace, name)
        lines = board.kubectl("-n", namespace, "logs", name).splitlines()
        assert lines[:2] == [wanted, wanted]
        if name != "mine":
            assert lines[-1].endswith(f"\t{name}.sub.{namespace}.svc.cluster.local\t{name}")
    long = f"{'x' * 40}.sub.{namespace}.svc.cluster.local"
    words = f"FQDN {long} is too long (64 characters is the max, {len(long)} characters requested)"
    problem = f"Failed to create pod sandbox: failed to construct FQDN from pod hostname and cluster domain, {words}"
    told = ("FailedCreatePodSandBox", problem)
    wait_until(lambda: told in events_of(board, namespace, "x" * 40), what="a name that is too long")
    board.kubectl("-n", namespace, "delete", "pods", "--all", "--now")


def test_containers_are_started_again_by_their_own_rules(board, namespace):
    counts = "n=$(cat /v/n 2>/dev/null || echo 0); echo $((n + 1)) > /v/n; [ $n -lt 2 ] && exit 42; exit 3"
    mount = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    counting = box("c", counts, restartPolicy="Never", restartPolicyRules=ON_42, **mount)
    apply(
        board,
        namespace,
        pod("ruled", counting, **VOLUME, **ONCE),
        pod("mixed", box("c", "exit 1", restartPolicy="Never"), box("d")),
    )
    assert ended(board, namespace, "ruled")["exitCode"] == 3
    assert container_of(board, namespace, "ruled")["restartCount"] == 2
    assert over(board, namespace, "ruled")["phase"] == "Failed"
    wait_until(
        lambda: container_of(board, namespace, "mixed", "d")["state"].get("running"), what="the other one"
    )
    assert container_of(board, namespace, "mixed")["state"]["terminated"]["exitCode"] == 1
    assert container_of(board, namespace, "mixed")["restartCount"] == 0
    assert status_of(board, namespace, "mixed")["phase"] == "Running"


def test_a_variable_comes_from_a_file_that_an_init_container_wrote(board, namespace):
    mount = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    writer = box("i", "echo \"A='from a file'\" > /v/env", **mount)

    def named(key, **more):
        ref = {"volumeName": "v", "path": "env", "key": key, **more}
        return {"env": [{"name": "X", "valueFrom": {"fileKeyRef": ref}}]}

    apply(
        board,
        namespace,
        pod("told", box("c", "echo $X", **named("A")), initContainers=[writer], **VOLUME, **ONCE),
        pod(
            "optional",
            box("c", "echo ${X-none}", **named("B", optional=True)),
            initContainers=[writer],
            **VOLUME,
            **ONCE,
        ),
        pod("untold", box("c", **named("B")), initContainers=[writer], **VOLUME),
    )
    for name, words in (("told", "from a file\n"), ("optional", "none\n")):
        ended(board, namespace, name)
        assert board.kubectl("-n", namespace, "logs", name, "-c", "c") == words
    problem = 'environment variable key "B" not found in file "env"'
    wait_until(
        lambda: waits(board, namespace, "untold").get("message") == problem, what="a key that is not there"
    )


def test_what_is_odd_is_told_in_upstreams_words(board, namespace):
    recursive = {"name": "v", "mountPath": "/v", "readOnly": True, "recursiveReadOnly": "Enabled"}
    perhaps = {**recursive, "recursiveReadOnly": "IfPossible"}
    many = [
        box(f"c{n}", "head -c 5000 /dev/zero | busybox tr '\\0' a > /dev/termination-log") for n in range(6)
    ]
    apply(
        board,
        namespace,
        pod("made", box("c", "pwd; echo yes > here", workingDir="/not/there/yet"), **ONCE),
        pod("recursive", box("c", volumeMounts=[recursive]), **VOLUME),
        pod("perhaps", box("c", volumeMounts=[perhaps]), **VOLUME),
        pod("many", *many, **ONCE),
        pod("never", {"name": "c", "image": "localhost/none:1", "imagePullPolicy": "Never"}),
        pod("unreadable", {"name": "c", "image": "UPPER/case::x"}),
        pod("late", box("c"), activeDeadlineSeconds=1),
    )
    assert ended(board, namespace, "made")["exitCode"] == 0
    assert board.kubectl("-n", namespace, "logs", "made") == "/not/there/yet\n"
    wait_until(lambda: waits(board, namespace, "recursive").get("message"), what="no such mount")
    problem = 'volume "v" requested recursive read-only mode, but it is not supported by the runtime'
    assert waits(board, namespace, "recursive") == {
        "reason": "CreateContainerConfigError",
        "message": f"failed to resolve recursive read-only mode: {problem}",
    }
    wait_until(
        lambda: status_of(board, namespace, "perhaps")["phase"] == "Running", what="as far as possible"
    )
    [mount] = container_of(board, namespace, "perhaps")["volumeMounts"][:1]
    told = {"name": "v", "mountPath": "/v", "readOnly": True, "recursiveReadOnly": "Disabled"}
    assert mount == told
    assert sh(board, namespace, "perhaps", "echo > /v/x", check=False).returncode

    wait_until(lambda: over(board, namespace, "many"), 60, "the end of many")
    for number in range(6):
        message = container_of(board, namespace, "many", f"c{number}")["state"]["terminated"]["message"]
        assert message == "a" * 2048

    present = 'Container image "localhost/none:1" is not present with pull policy of Never'
    never = {("ErrImageNeverPull", present), ("Failed", "Error: ErrImageNeverPull")}
    wait_until(lambda: never <= events_of(board, namespace, "never"), what="an image that is not there")
    wait_until(
        lambda: ("Failed", "Error: InvalidImageName") in events_of(board, namespace, "unreadable"),
        what="no name",
    )
    assert "InspectFailed" in dict(events_of(board, namespace, "unreadable"))
    deadline = ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
    wait_until(lambda: deadline in events_of(board, namespace, "late"), what="the deadline's event")
