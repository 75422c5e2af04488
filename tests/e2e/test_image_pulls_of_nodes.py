"""Images from a real registry: credentials, digests, policies, and the words for what goes wrong."""

import base64
import json
import subprocess
import sys

import pytest
from board import wait_until

from pikube.agent.registry_files import place_registries

PLACE = "127.0.0.1:5055"
CONFIG = """\
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {root}}}}}
http: {{addr: "127.0.0.1:5055"}}
auth: {{htpasswd: {{realm: board, path: {passwords}}}}}
"""
PASSWORDS = "me:$2b$04$abcdefghijklmnopqrstuuPT0cs.zGMMB9aUG3xKmxLeI//6s0m5C\n"  # me, letmein


@pytest.fixture(scope="module")
def registry(board):
    """A registry that only me:letmein may use, with two images; their references."""
    root = board.directory / "registry"
    root.mkdir()
    (root / "passwords").write_text(PASSWORDS)
    (root / "config.yml").write_text(CONFIG.format(root=root / "data", passwords=root / "passwords"))
    argv = ["nsenter", f"--net=/run/netns/{board.name}", "docker-registry", "serve", str(root / "config.yml")]
    with (root / "log").open("w") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log)
    try:
        url = f"http://{PLACE}/v2/"
        wait_until(lambda: board.curl(url).returncode == 0, what="the registry answers")
        tar = str(board.directory / "image.tar")
        board.podman("import", "--quiet", tar, f"{PLACE}/lab/box:1")
        board.podman("import", "--quiet", "--arch", "s390x", tar, f"{PLACE}/lab/other:1")
        for name in ("box", "other"):
            board.podman(
                "push", "--quiet", "--tls-verify=false", "--creds=me:letmein", f"{PLACE}/lab/{name}:1"
            )
        # one name for several processors, of which this board gets its own
        board.podman("manifest", "create", "both")
        for name in ("box", "other"):
            board.podman(
                "manifest", "add", "--tls-verify=false", "--creds=me:letmein", "both",
                f"docker://{PLACE}/lab/{name}:1",
            )  # fmt: skip
        board.podman(
            "manifest", "push", "--all", "--tls-verify=false", "--creds=me:letmein", "both",
            f"docker://{PLACE}/lab/both:1",
        )  # fmt: skip
        board.podman("rmi", "both", *(f"{PLACE}/lab/{name}:1" for name in ("box", "other")))
        yield PLACE
    finally:
        process.terminate()
        process.wait(timeout=10)


def pod(name, image, policy="IfNotPresent", **spec):
    container = {"name": "c", "image": image, "imagePullPolicy": policy, "command": ["sleep", "1000"]}
    spec = {"terminationGracePeriodSeconds": 0, "containers": [container], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def apply(board, namespace, *objects):
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
    board.kubectl("-n", namespace, "apply", "-f", "-", text_in=text)


def waiting(board, namespace, name):
    statuses = board.get("pod", name, "-n", namespace)["status"].get("containerStatuses", [])
    return statuses[0]["state"].get("waiting", {}) if statuses else {}


def said(board, namespace, name):
    items = board.get("events", "-n", namespace, f"--field-selector=involvedObject.name={name}")["items"]
    return "\n".join(f"{event['reason']}: {event['message']}" for event in items)


def test_a_pod_pulls_with_the_credentials_of_its_account_and_by_digest(board, namespace, registry):
    auth = base64.b64encode(b"me:letmein").decode()
    document = json.dumps({"auths": {registry: {"auth": auth}}})
    board.kubectl(
        "-n", namespace, "create", "secret", "generic", "lab", "--type=kubernetes.io/dockerconfigjson",
        f"--from-literal=.dockerconfigjson={document}",
    )  # fmt: skip
    board.kubectl("-n", namespace, "patch", "serviceaccount", "default",
                  "-p", '{"imagePullSecrets":[{"name":"lab"}]}')  # fmt: skip
    apply(board, namespace, pod("pulls", f"{registry}/lab/box:1"))
    board.kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod/pulls", "--timeout=60s")
    words = said(board, namespace, "pulls")
    assert f'Pulling: Pulling image "{registry}/lab/box:1"' in words
    assert (
        f'Pulled: Successfully pulled image "{registry}/lab/box:1" in ' in words and "Image size: " in words
    )
    identity = board.get("pod", "pulls", "-n", namespace)["status"]["containerStatuses"][0]["imageID"]
    assert identity.startswith(f"{registry}/lab/box@sha256:")
    apply(board, namespace, pod("by-digest", identity), pod("always", f"{registry}/lab/box:1", "Always"))
    for name in ("by-digest", "always"):
        board.kubectl("-n", namespace, "wait", "--for=condition=Ready", f"pod/{name}", "--timeout=60s")
    assert "already present on machine" in said(board, namespace, "by-digest")
    assert "Successfully pulled" in said(board, namespace, "always")
    apply(board, namespace, pod("foreign", f"{registry}/lab/other:1"))
    wait_until(
        lambda: "is s390x, this board is" in waiting(board, namespace, "foreign").get("message", ""),
        what="the architecture is named",
    )
    apply(board, namespace, pod("both", f"{registry}/lab/both:1"))
    board.kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod/both", "--timeout=60s")

    def told():
        """What the Node says of images that are for one kind of processor only."""
        annotations = board.get("node", "board")["metadata"]["annotations"]
        return annotations.get("pikube.io/image-architectures", "")

    wait_until(lambda: f"s390x={registry}/lab/other:1" in told(), what="the node tells of it")
    assert f"{registry}/lab/both:1" not in told()


REGISTRIES = """\
mirrors:
  docker.io:
    endpoint: ["http://{place}"]
    rewrite: {{"^rancher/(.*)": "lab/$1"}}
  lab.example:
    endpoint: ["http://{place}/v2"]
configs:
  {place}:
    auth: {{username: me, password: letmein}}
"""


def test_podman_pulls_from_the_mirrors_of_registries_yaml(board, registry, tmp_path):
    file = tmp_path / "registries.yaml"
    file.write_text(REGISTRIES.format(place=registry))
    placed = place_registries(file, tmp_path / "agent", tmp_path / "certs.d")
    environment = (
        f"CONTAINERS_REGISTRIES_CONF={placed['registries_conf']}",
        f"REGISTRY_AUTH_FILE={placed['auth_file']}",
    )
    for image in ("docker.io/rancher/box:1", "lab.example/lab/box:1"):
        board.run(
            "env", *environment, "podman", "--root", f"{board.directory}/storage",
            "--runroot", f"{board.directory}/run", "pull", "--quiet", image,
        )  # fmt: skip
        board.podman("rmi", image)


def test_each_way_in_which_an_image_cannot_be_had_has_its_reason(board, namespace, registry):
    apply(
        board,
        namespace,
        pod("stranger", f"{registry}/lab/private:1"),
        pod("never", "docker.io/library/absent:1", "Never"),
        pod("unreadable", "Not//An:Image:"),
    )
    reasons = {
        "stranger": (("ErrImagePull", "ImagePullBackOff"), "nauthorized"),
        "never": (("ErrImageNeverPull",), "is not present with pull policy of Never"),
        "unreadable": (("InvalidImageName",), "invalid reference format"),
    }
    for name, (words, message) in reasons.items():

        def told(name=name, words=words, message=message):
            found = waiting(board, namespace, name)
            return found.get("reason") in words and message in found.get("message", "")

        wait_until(told, what=f"{name}: {words}")
    wait_until(
        lambda: waiting(board, namespace, "stranger").get("reason") == "ImagePullBackOff", what="a back-off"
    )
    assert "Back-off pulling image" in said(board, namespace, "stranger")
    # made on the board meanwhile: the pod goes on by itself
    board.podman("tag", "localhost/box:1", "docker.io/library/absent:1")
    board.kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod/never", "--timeout=60s")


SILENT = """\
import socket
door, held = socket.create_server(("127.0.0.1", 5056)), []
while True:
    held.append(door.accept()[0])
    print(len(held), flush=True)
"""


def test_no_more_images_are_pulled_at_once_than_the_board_may(board, namespace, tmp_path):
    """A registry that accepts and says nothing: what it holds is pulled at this moment."""
    asked = tmp_path / "asked"
    with asked.open("w") as out:
        silent = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{board.name}", sys.executable, "-c", SILENT], stdout=out
        )
    try:
        names = [f"waits-{n}" for n in range(4)]
        knock = ("bash", "-c", "</dev/tcp/127.0.0.1/5056")
        wait_until(lambda: board.run(*knock, check=False).returncode == 0, what="a registry")
        wait_until(asked.read_text, what="it has noticed")
        before = len(asked.read_text().split())
        apply(board, namespace, *(pod(name, f"127.0.0.1:5056/lab/{name}:1") for name in names))
        for name in names:
            wait_until(
                lambda name=name: "Pulling: Pulling image" in said(board, namespace, name), what="a pull"
            )
        wait_until(lambda: len(asked.read_text().split()) == before + 2, what="two are pulled")
        assert len(asked.read_text().split()) == before + 2, "kubelet's --max-parallel-image-pulls"
        # one that is to go does not wait for its image, whether it is pulled or has to wait for its turn
        board.kubectl("-n", namespace, "delete", "pod", names[0], names[3], "--timeout=10s")
    finally:
        silent.terminate()
        silent.wait(timeout=10)

    def all_failed():
        reasons = {waiting(board, namespace, name).get("reason") for name in names[1:3]}
        return reasons <= {"ErrImagePull", "ImagePullBackOff"}

    wait_until(all_failed, what="the others had their turn")
