"""Where containers' logs are, by which names collectors find them, and that nothing of a pod stays."""

import msgspec

from pikube.agent.pods.log_places import forget_links, link_log, make_log_dir
from pikube.agent.pods.volumes import PodVolumes
from pikube.agent.runtime.contract import Container
from pikube.api.kinds.core_pod import Pod

POD = msgspec.convert({"metadata": {"name": "web-1", "namespace": "shop", "uid": "u-1"}}, Pod)


def container(id_="c0ffee", attempt=0, name="c"):
    return Container(
        id=id_,
        pod_uid="u-1",
        name=name,
        attempt=attempt,
        spec_hash="",
        state="running",
        image="",
        image_id="",
    )


def written(place, attempt):
    path = place / "c" / f"{attempt}.log"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"attempt {attempt}")


def test_collectors_find_each_container_by_kubelets_names(tmp_path):
    logs = tmp_path / "log" / "pods"
    place = make_log_dir(tmp_path / "u-1", POD, logs)
    written(place, 0)
    link_log(logs, POD, container())
    link_log(logs, POD, container())  # a second time changes nothing
    assert (logs / "shop_web-1_u-1" / "c" / "0.log").read_text() == "attempt 0"
    (link,) = (tmp_path / "log" / "containers").iterdir()
    assert (link.name, link.read_text()) == ("web-1_shop_c-c0ffee.log", "attempt 0")


def test_a_log_that_is_gone_has_no_name_and_others_keep_theirs(tmp_path):
    logs = tmp_path / "pods"
    place = make_log_dir(tmp_path / "u-1", POD, logs)
    for attempt, id_ in enumerate(("first", "second")):
        written(place, attempt)
        link_log(logs, POD, container(id_, attempt))
    (tmp_path / "containers" / "web-1_other_c-dead.log").symlink_to(tmp_path / "nowhere")
    (place / "c" / "0.log").unlink()
    forget_links(place)
    names = {link.name for link in (tmp_path / "containers").iterdir()}
    assert names == {"web-1_shop_c-second.log", "web-1_other_c-dead.log"}


def test_with_the_pod_its_logs_go(tmp_path):
    logs = tmp_path / "pods"
    directory = tmp_path / "data" / "u-1"
    written(make_log_dir(directory, POD, logs), 0)
    link_log(logs, POD, container())
    PodVolumes(directory).remove()
    assert not directory.exists()
    assert list(logs.iterdir()) == list((tmp_path / "containers").iterdir()) == []


def test_logs_whose_place_was_emptied_begin_anew(tmp_path):
    """/var/log is in memory where log2ram is installed, and may be another after a restart of the board."""
    logs = tmp_path / "pods"
    written(make_log_dir(tmp_path / "u-1", POD, logs), 0)
    for path in sorted(logs.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    written(make_log_dir(tmp_path / "u-1", POD, logs), 1)
    assert (logs / "shop_web-1_u-1" / "c" / "1.log").read_text() == "attempt 1"


def test_without_a_place_of_their_own_logs_are_in_the_pods_directory(tmp_path):
    place = make_log_dir(tmp_path / "u-1", POD, None)
    assert place == tmp_path / "u-1" / "logs" and not place.is_symlink()
    assert make_log_dir(tmp_path / "u-1", POD, tmp_path / "pods") == place, (
        "and stay for a pod that has them there"
    )
    assert not place.is_symlink()


def test_a_name_is_no_longer_than_a_file_systems(tmp_path):
    logs = tmp_path / "pods"
    long = msgspec.convert({"metadata": {"name": "w" * 200, "namespace": "s" * 40, "uid": "u"}}, Pod)
    make_log_dir(tmp_path / "u", long, tmp_path / "pods")
    link_log(logs, long, container("f" * 64))
    (link,) = (tmp_path / "containers").iterdir()
    assert len(link.name) == 255 and link.name.endswith(".log")
