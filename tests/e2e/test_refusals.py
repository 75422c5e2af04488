"""What wrong input gets when a board joins: its own sentence, the command that cures it, and nothing left behind."""

import json
import sys
import time

import pytest
from cluster import wrong_clock

YEAR_S = 365 * 86400.0

OTHER_CLUSTER = {
    "node": "b9",
    "cluster": {
        "cluster": "garage", "id": "0000-another", "ca": "", "servers": ["https://10.9.9.9:6443"],
        "version": "0.1.0", "time": 0.0,
        "settings": {
            "clusterCidr": "10.42.0.0/16", "serviceCidr": "10.43.0.0/16", "clusterDns": "10.43.0.10",
            "clusterDomain": "cluster.local",
        },
    },
}  # fmt: skip

KUBEADM = """\
apiVersion: v1
kind: Secret
metadata: {name: bootstrap-token-NAME, namespace: kube-system}
type: bootstrap.kubernetes.io/token
stringData: {token-id: NAME, token-secret: 0123456789abcdef, usage-bootstrap-authentication: "true", expiration: TIME}
"""


@pytest.fixture(scope="module")
def stranger(cluster):
    """A board that has not joined."""
    board = cluster.add_board()
    yield board
    for name in ("stranger", "spare"):
        cluster.leader.kubectl("delete", "node", name, "--ignore-not-found")
    cluster.remove_board(board)


@pytest.fixture(scope="module")
def token(cluster):
    return cluster.token()


MANY = """\
import contextlib, io, json, sys
from pikube.__main__ import main
for argv in json.load(sys.stdin):
    told = io.StringIO()
    with contextlib.redirect_stderr(told):
        code = main(argv)
    print(json.dumps([code, told.getvalue()]))
"""


def join(board, *flags, name="stranger", wrong_by_s=0.0):
    """`pikube join` that starts no agent; the finished process."""
    clock = [f"{variable}={value}" for variable, value in wrong_clock(wrong_by_s).items()]
    command = ["env", *clock, sys.executable, "-m", "pikube", "join", *board.flags(), "--node-name", name]
    return board.run(*command, "--no-start", *flags, check=False)


def refused(board, *wishes):
    """The sentences of refusals, which have left nothing behind. A wish is the node's name and flags; all are asked
    in one process, because starting Python takes longer than being refused."""
    argvs = [["join", *board.flags(), "--node-name", name, "--no-start", *flags] for name, *flags in wishes]
    done = board.run(sys.executable, "-c", MANY, text_in=json.dumps(argvs))
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [code for code, _ in answers] == [1] * len(wishes), answers
    assert all(words.startswith("pikube: ") and "Traceback" not in words for _, words in answers)
    assert not (board.directory / "data" / "agent" / "member").exists()
    return [words for _, words in answers]


def test_tokens_that_are_worth_nothing(cluster, stranger, token):
    leader = cluster.leader
    ca_hash = token.rpartition(".")[2]
    revoked = cluster.token()
    assert revoked.partition(".")[0] in leader.pikube("token", "list").stdout
    leader.pikube("token", "revoke", revoked)
    an_hour_ago = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
    for name, ended_at in (("oldone", an_hour_ago), ("oldest", "2020-01-01T00:00:00Z")):
        expired = KUBEADM.replace("NAME", name).replace("TIME", ended_at)
        leader.kubectl("apply", "-f", "-", text_in=expired)
    base = ("stranger", "--leader", cluster.url, "--token")
    nonsense, bare, mistyped, half, gone, old = refused(
        stranger,
        (*base, "nonsense"),
        (*base, "abcdef.0123456789abcdef"),
        (*base, f"zzzzzz.0123456789abcdef.{ca_hash}"),
        (*base, f"{token[:6]}.0123456789abcdef.{ca_hash}"),
        (*base, revoked),
        (*base, "oldone.0123456789abcdef", "--ca-hash", f"sha256:{ca_hash}"),
    )
    assert "copy it again" in nonsense and "add --ca-hash" in bare
    assert mistyped == half == gone  # who does not know a secret learns nothing
    assert "the token is not known to this cluster" in gone and "pikube token create" in gone
    assert "the token has expired" in old and "pikube token create" in old
    left = leader.pikube("token", "list").stdout
    assert "oldone" in left and "oldest" not in left


def test_leaders_that_are_not_meant_and_names_that_are_taken(cluster, stranger, token):
    foreign = f"{token.rpartition('.')[0]}.{'00' * 32}"
    nowhere = f"https://{cluster.leader.address}:1"
    known = ("--leader", cluster.url, "--token", token)
    other, nobody, ftp, taken, replacing, like_leader, leaders, no_hash, two_hashes, no_port = refused(
        stranger,
        ("stranger", "--leader", cluster.url, "--token", foreign),
        ("stranger", "--leader", nowhere, "--token", token),
        ("stranger", "--leader", "ftp://x", "--token", token),
        ("b2", *known),
        ("b2", *known, "--replace"),
        ("kubernetes", *known),
        ("b1", *known),
        ("stranger", "--leader", cluster.url, "--ca-hash", "05f3"),
        ("stranger", *known, "--ca-hash", "00" * 32),
        ("stranger", "--leader", cluster.url.removesuffix(":6443"), "--token", token),
    )
    assert "is not the one that is meant" in other
    assert "no leader answers at" in nobody
    assert "is no URL of a leader" in ftp
    assert "there is another board called b2" in taken and "--node-name" in taken
    assert "needs a person's approval" in replacing
    assert "the leader answers to that name" in like_leader
    assert "there is another board called b1" in leaders
    assert "64 hexadecimal digits" in no_hash and "pikube discover" in no_hash
    assert "another CA than --ca-hash says" in two_hashes
    assert f"write {cluster.url}" in no_port


def test_boards_that_belong_elsewhere(cluster, stranger, token):
    member = stranger.directory / "data" / "agent" / "member" / "member.json"
    member.parent.mkdir(parents=True)
    member.write_text(json.dumps(OTHER_CLUSTER))
    done = join(stranger, "--leader", cluster.url, "--token", token)
    assert done.returncode == 1 and "still belongs to the cluster 'garage' as b9" in done.stderr
    assert "pikube join --reset" in done.stderr and json.loads(member.read_text()) == OTHER_CLUSTER
    member.unlink()
    member.parent.rmdir()
    done = join(cluster.leader, "--leader", cluster.url, "--token", token, name="b1")
    assert done.returncode == 1 and "is a leader already" in done.stderr


def test_a_token_for_one_board_serves_one_and_clocks_that_are_years_off_do_not_matter(cluster, stranger):
    token = cluster.token(
        "--uses", "1", wrong_by_s=-25 * YEAR_S
    )  # the leader's clock counts, as when it is judged
    flags = ("--leader", cluster.url, "--token", token)
    done = join(stranger, *flags, wrong_by_s=-25 * YEAR_S)
    assert done.returncode == 0 and "This board is the node stranger" in done.stdout, done.stderr
    assert join(stranger, *flags, wrong_by_s=25 * YEAR_S).returncode == 0  # it is known already
    member = stranger.directory / "data" / "agent" / "member"
    modes = {path.name: path.stat().st_mode & 0o777 for path in member.iterdir()}
    secret = dict.fromkeys(("board.key", "node-client.pem", "node-serving.pem", "member.json"), 0o600)
    assert modes == {**secret, "ca.crt": 0o644}
    for path in member.iterdir():
        path.unlink()
    member.rmdir()
    (words,) = refused(stranger, ("spare", *flags))
    assert "has been used as often as it may be" in words
