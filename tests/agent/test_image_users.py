"""Who a container runs as, by the users and groups of its image."""

import json
import os

import pytest

from pikube.agent.pods.container_specs import declared_groups
from pikube.agent.pods.first_process import user_of_process
from pikube.agent.pods.image_users import ImageUsers, identity, must_know_users
from pikube.agent.runtime.contract import Container
from pikube.agent.runtime.layers import read_in_layers
from pikube.api.kinds.core_container import LinuxContainerUser
from pikube.api.kinds.core_pod import Pod, PodSecurityContext, PodSpec

USERS = ImageUsers(
    "root:x:0:0::/:/bin/sh\nalice:x:1000:1001:Alice:/home/alice:/bin/sh\nsome garbage\nodd:x:a:b:::\n",
    "root:x:0:root\nwheel:x:10:root\nalice:x:1001:alice\nbook:x:50000:bob,alice\nodd:x:y:alice\n1000:x:7:1000\n",
)


def container(oci_config):
    return Container(
        id="c", pod_uid="u", name="c", attempt=0, spec_hash="", state="running", image="", image_id="",
        oci_config=str(oci_config),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("user", "policy", "wanted"),
    [
        ("1000:3000", "Merge", ("1000:3000", (50000,))),
        ("alice:3000", "Merge", ("alice:3000", (50000,))),
        ("root:root", "Merge", ("root:root", (10,))),
        ("bob:5", "Merge", ("bob:5", (50000,))),  # listed as a member, though the image has no such account
        ("77:5", "Merge", ("77:5", ())),  # a number without a name is nobody's member
        ("1000", "Merge", ("1000", ())),  # Podman's own doing
        ("1000", "Strict", ("1000:1001", ())),
        ("alice", "Strict", ("alice:1001", ())),
        ("0", "Strict", ("0:0", ())),
        ("77", "Strict", ("77:0", ())),
        ("1000:3000", "Strict", ("1000:3000", ())),  # Podman's own doing
    ],
)
def test_the_groups_of_an_image_are_added_by_the_policy_alone(user, policy, wanted):
    assert identity(user, policy, USERS) == wanted


@pytest.mark.parametrize("user", ["1000", "1000:3000", "alice"])
@pytest.mark.parametrize("policy", ["Merge", "Strict"])
def test_an_image_is_only_looked_into_when_its_files_make_a_difference(user, policy):
    nothing = identity(user, policy, ImageUsers())
    if not must_know_users(user, policy):
        assert identity(user, policy, USERS) == nothing == (user, ())


def test_the_groups_of_a_pod_are_its_fs_group_and_then_the_others():
    security = PodSecurityContext(fs_group=5, supplemental_groups=(9, 3))
    assert declared_groups(Pod(spec=PodSpec(security_context=security))) == (5, 9, 3)
    assert declared_groups(Pod()) == ()


@pytest.fixture
def layers(tmp_path):
    """Three layers of an image, the uppermost first: each a directory that tests fill."""
    found = [tmp_path / name for name in ("top", "middle", "base")]
    for layer in found:
        (layer / "etc").mkdir(parents=True)
    return found


def read(layers, path="/etc/group"):
    return read_in_layers([str(layer) for layer in layers], path)


def test_the_uppermost_layer_that_has_a_file_says_what_is_in_it(layers):
    (layers[2] / "etc/group").write_text("base")
    assert read(layers) == "base"
    (layers[1] / "etc/group").write_text("middle")
    assert read(layers) == "middle"
    assert (
        read(layers, "/etc/passwd") == read(layers, "/etc") == read([]) == read(layers, "/etc/group/x") == ""
    )


def test_links_lead_inside_the_image_only(layers, tmp_path):
    (tmp_path / "secret").write_text("the board's own")
    (layers[2] / "usr/share").mkdir(parents=True)
    (layers[2] / "usr/share/group").write_text("inside")
    for target in ("/usr/share/group", "../usr/share/group", "../../../../usr/share/group"):
        (layers[0] / "etc/group").symlink_to(target)
        assert read(layers) == "inside", target
        (layers[0] / "etc/group").unlink()
    (layers[0] / "etc/group").symlink_to(tmp_path / "secret")
    assert read(layers) == ""
    (layers[1] / "etc/passwd").symlink_to("passwd")
    assert read(layers, "/etc/passwd") == ""


def test_a_directory_that_became_a_link_or_a_file_hides_what_was_below(layers):
    (layers[2] / "etc/group").write_text("base")
    (layers[2] / "other").mkdir()
    (layers[2] / "other/group").write_text("other")
    (layers[0] / "etc").rmdir()
    (layers[0] / "etc").symlink_to("other")
    assert read(layers) == "other"
    (layers[0] / "etc").unlink()
    (layers[0] / "etc").write_text("no directory")
    assert read(layers) == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="whiteouts are devices, which root makes")
def test_what_a_layer_took_away_is_gone(layers):
    (layers[2] / "etc/group").write_text("base")
    os.mknod(layers[1] / "etc/group", 0o20000, os.makedev(0, 0))
    assert read(layers) == ""
    (layers[0] / "etc/group").write_text("made again")
    assert read(layers) == "made again"


@pytest.mark.skipif(os.geteuid() != 0, reason="trusted attributes are root's")
def test_a_directory_that_was_made_anew_hides_the_one_before(layers):
    (layers[2] / "etc/group").write_text("base")
    try:
        os.setxattr(layers[1] / "etc", "trusted.overlay.opaque", b"y")
    except OSError as error:
        pytest.skip(f"no such attributes here: {error}")
    assert read(layers) == ""
    assert read(layers, "/etc/../etc/group") == ""


@pytest.mark.parametrize(
    ("additional", "declared", "groups"),
    [
        ([60000, 1000, 50000], (60000,), (1000, 50000, 60000)),
        ([3, 9], (9, 3), (1000, 9, 3)),
        ([1000], (), (1000,)),
    ],
)
def test_a_status_tells_the_main_group_those_of_the_image_and_the_declared_ones(
    tmp_path, additional, declared, groups
):
    user = {"uid": 7, "gid": 1000, "umask": 18, "additionalGids": additional}
    (tmp_path / "config.json").write_text(
        json.dumps({"ociVersion": "1", "process": {"user": user, "args": ["sh"]}})
    )
    told = user_of_process(container(tmp_path / "config.json"), declared)
    assert told.linux == LinuxContainerUser(uid=7, gid=1000, supplemental_groups=groups)


@pytest.mark.parametrize("text", ["", "no json", "{}", '{"process": {"user": {"uid": "alice"}}}'])
def test_a_file_that_tells_no_user_is_no_failure(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    assert user_of_process(container(tmp_path / "config.json"), ()) is None
    assert user_of_process(container(tmp_path / "gone.json"), ()) is None
