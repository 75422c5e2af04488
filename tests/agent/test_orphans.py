"""What a former life left on the board goes, and nothing that is stuck keeps the rest."""

import logging

import pytest
import trio

from pikube.agent.pods.orphans import Orphans
from pikube.agent.pods.sandbox_notes import note
from pikube.agent.runtime.contract import RuntimeFailure, Sandbox
from pikube.agent.runtime.podman import Podman


class Leftovers:
    """A runtime that holds sandboxes; some it cannot remove."""

    def __init__(self, *uids, stuck=(), is_away=False):
        self.sandboxes = [Sandbox(f"id-{uid}", uid, uid, "default", True, f"infra-{uid}") for uid in uids]
        self.stuck, self.is_away = set(stuck), is_away
        self.forgotten = []

    def uids(self):
        return [sandbox.uid for sandbox in self.sandboxes]

    async def list_all(self):
        await trio.lowlevel.checkpoint()
        if self.is_away:
            raise RuntimeFailure("podman does not answer", "RuntimeUnavailable")
        return list(self.sandboxes), []

    async def forget_sandbox(self, sandbox_id):
        self.forgotten.append(sandbox_id)

    async def remove_sandbox(self, sandbox_id):
        await trio.lowlevel.checkpoint()
        if sandbox_id in {f"id-{uid}" for uid in self.stuck}:
            raise RuntimeFailure("cannot be removed")
        self.sandboxes = [sandbox for sandbox in self.sandboxes if sandbox.id != sandbox_id]


@pytest.fixture
def pods_dir(tmp_path):
    for uid in ("stuck", "gone", "ours"):
        (tmp_path / uid / "volumes").mkdir(parents=True)
    return tmp_path


async def test_one_that_is_stuck_keeps_no_other_and_goes_when_it_can(pods_dir, caplog):
    runtime = Leftovers("stuck", "gone", "ours", stuck=["stuck"])
    orphans = Orphans(runtime, pods_dir, lambda uid: uid == "ours")
    with caplog.at_level(logging.WARNING, "pikube.pods"):
        assert not await orphans.remove()
    assert runtime.uids() == ["stuck", "ours"]
    assert [path.name for path in pods_dir.iterdir()] == ["ours"], "a directory does not wait for its sandbox"
    assert "event=orphan_kept pod=default/stuck" in caplog.text
    runtime.stuck.clear()
    assert await orphans.remove()
    assert runtime.uids() == ["ours"] and await orphans.remove()


async def test_what_a_removal_that_was_cut_off_left_goes_also_after_a_restart(pods_dir):
    assert note(pods_dir / "gone", "first") == [] and note(pods_dir / "gone", "second") == ["first"]
    note(pods_dir / "ours", "third")
    runtime = Leftovers("ours")  # of which Podman knows nothing any more
    assert await Orphans(runtime, pods_dir, lambda uid: uid == "ours").remove()
    assert runtime.forgotten == ["second"]


async def test_what_was_there_at_first_is_known_from_the_first_answer_on(pods_dir, caplog):
    runtime = Leftovers("gone", "ours", is_away=True)
    orphans = Orphans(runtime, pods_dir, lambda uid: uid == "ours")
    assert not await orphans.remove()
    assert orphans.found_at_first is None and "event=orphans_kept" in caplog.text
    assert len(list(pods_dir.iterdir())) == 3, "nothing is removed below a pod that may run"
    runtime.is_away = False
    assert await orphans.remove()
    assert orphans.found_at_first == {"gone", "ours"}
    runtime.sandboxes += Leftovers("new").sandboxes
    await orphans.remove()
    assert orphans.found_at_first == {"gone", "ours"}


async def test_a_pod_of_podman_without_its_first_container_does_not_run_and_is_not_asked_for(tmp_path):
    podman = Podman(str(tmp_path / "nobody-listens.sock"), "")
    half = Sandbox("id", "uid", "p", "default", True, infra_id="", pid=7)
    seen = await podman.inspect_sandbox(half)
    assert (seen.is_running, seen.pid) == (False, 0)
    await podman.stop_sandbox(half)
