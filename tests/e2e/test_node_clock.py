"""The wall clock of a board jumps by years while pods run, as when it hears of the time at last, or loses it."""

import pytest
from board import wait_until

YEAR_S = 365 * 86400
PODS = """\
apiVersion: v1
kind: Pod
metadata: {{name: steady}}
spec:
  nodeName: b2
  activeDeadlineSeconds: 3600
  terminationGracePeriodSeconds: 0
  containers:
    - name: c
      image: localhost/box:1
      command: ["sh", "-c", "echo hello; exec sleep 1000"]
      livenessProbe:
        exec: {{command: ["sh", "-c", "echo x >> /tmp/probed"]}}
        periodSeconds: 1
        failureThreshold: 1
"""
NEW = """\
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  nodeName: b2
  terminationGracePeriodSeconds: 0
  containers: [{{name: c, image: "localhost/box:1", command: ["sleep", "1000"]}}]
"""


@pytest.fixture
def clock(cluster, tmp_path):
    """Sets the clock of b2 by so many seconds, while it runs."""
    file, board = tmp_path / "offset", cluster.boards[1]
    file.write_text("0")
    board.kill()
    board.spawn("agent", wrong_by_s=file)
    cluster.wait_ready("b2")

    def set_clock(by_s):
        new = tmp_path / "new"
        new.write_text(str(by_s))
        new.replace(file)

    yield set_clock
    set_clock(0)
    board.kill()
    board.spawn("agent")
    cluster.wait_ready("b2")


def test_pods_live_through_jumps_of_years_in_both_directions(cluster, clock):
    leader, namespace = cluster.leader, "clock"
    leader.kubectl("create", "namespace", namespace)

    def kubectl(*argv, **options):
        return leader.kubectl("-n", namespace, *argv, **options)

    def probed():
        return len(kubectl("exec", "steady", "--", "cat", "/tmp/probed").split())

    kubectl("apply", "-f", "-", text_in=PODS.format())
    kubectl("wait", "--for=condition=Ready", "pod/steady", "--timeout=60s")
    before = leader.get("pod", "steady", "-n", namespace)["status"]["containerStatuses"][0]
    for number, by_s in enumerate((10 * YEAR_S, -10 * YEAR_S, 0)):
        clock(by_s)
        count = probed()
        wait_until(lambda count=count: probed() >= count + 3, what="probes go on")
        kubectl("apply", "-f", "-", text_in=NEW.format(name=f"new{number}"))
        kubectl("wait", "--for=condition=Ready", f"pod/new{number}", "--timeout=60s")
        assert kubectl("logs", "steady") == "hello\n"
        kubectl("delete", "pod", f"new{number}", "--timeout=30s")
        now = leader.get("pod", "steady", "-n", namespace)["status"]
        (container,) = now["containerStatuses"]
        assert now["phase"] == "Running" and container["containerID"] == before["containerID"]
        assert container["restartCount"] == 0 and container["ready"]
        cluster.wait_ready("b2")
    leader.kubectl("delete", "namespace", namespace, "--wait=false")


TOKEN = """\
apiVersion: v1
kind: Pod
metadata: {name: bearer}
spec:
  nodeName: b2
  terminationGracePeriodSeconds: 0
  containers:
    - name: c
      image: localhost/box:1
      command: ["sleep", "1000"]
      volumeMounts: [{name: tokens, mountPath: /tokens}]
  volumes:
    - name: tokens
      projected: {sources: [{serviceAccountToken: {path: token, expirationSeconds: 600}}]}
"""
OLD_S = 481  # a token is renewed at four fifths of its life
WHO = '{"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}'


def test_a_token_is_renewed_before_it_is_old_and_ends_with_its_pod(cluster):
    leader, board, namespace = cluster.leader, cluster.boards[1], "tokens"
    leader.kubectl("create", "namespace", namespace)

    def held():
        return leader.kubectl(
            "-n", namespace, "exec", "bearer", "--", "cat", "/tokens/token", check=False
        ).stdout

    def known(token):
        """The status code of a question of whoever has the token, and the answer."""
        url = f"{cluster.url}/apis/authentication.k8s.io/v1/selfsubjectreviews"
        done = leader.curl(
            url, "--insecure", "--write-out", " %{http_code}", "--header", f"Authorization: Bearer {token}",
            "--header", "Content-Type: application/json", "--data", WHO,
        )  # fmt: skip
        answer, _, code = done.stdout.rpartition(" ")
        return code, answer

    leader.kubectl("-n", namespace, "apply", "-f", "-", text_in=TOKEN)
    leader.kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod/bearer", "--timeout=60s")
    first = held()
    assert known(first)[0] == "201"
    board.kill()
    board.spawn("agent", wrong_by_s=OLD_S)
    try:
        second = wait_until(
            lambda: (now := held()) not in ("", first) and now, 60, "another token in the file"
        )
        code, answer = known(second)
        assert code == "201" and f"system:serviceaccount:{namespace}:default" in answer
        assert known(first)[0] == "201", "who still has the first may go on with it"
        leader.kubectl("-n", namespace, "delete", "pod", "bearer", "--timeout=30s")
        for token in (first, second):
            wait_until(
                lambda token=token: known(token)[0] == "401", what="a token of a pod that is gone is refused"
            )
    finally:
        board.kill()
        board.spawn("agent")
        cluster.wait_ready("b2")
    leader.kubectl("delete", "namespace", namespace, "--wait=false")
