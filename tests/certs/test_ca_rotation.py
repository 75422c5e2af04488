"""A change of authority loses nobody: who signs is trusted by who is shown it, after any prefix of the steps."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pikube.certs.authority import is_key_of, split_bundle
from pikube.certs.authority_files import AuthorityFiles, remove_file
from pikube.certs.ca_rotation import NEXT, BoardTrust, Phase, authorities, bundle_hash, waited_for
from pikube.certs.files import write_atomic

NOW = 1_700_000_000.0


def test_whoever_has_followed_the_last_step_survives_the_next():
    """Who still trusts the bundle of before is shown nothing else than what is in it, and his own certificate still
    counts for those who are ahead."""
    steps = [
        authorities(Phase.IDLE, b"A", b"A"),
        authorities(Phase.TRUSTING, b"A", b"B"),
        authorities(Phase.SIGNING, b"A", b"B"),
        authorities(Phase.IDLE, b"B", b"B"),
    ]
    for before, after in itertools.pairwise(steps):
        assert after.serving in before.bundle
        assert after.signing in before.bundle
        assert before.signing in after.bundle
        assert after.serving in after.bundle and after.signing in after.bundle


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["x", "y"])), max_size=6))
def test_nothing_moves_while_a_board_has_not_followed(pairs):
    boards = [BoardTrust(name, bundle_hash(b"AB") if trust == "x" else "old") for name, trust in pairs]
    waiting = waited_for(Phase.TRUSTING, b"AB", boards)
    assert waiting == sorted(name for name, trust in pairs if trust == "y")
    assert waited_for(Phase.IDLE, b"AB", boards) == []


def test_a_whole_change_on_disk(tmp_path):
    files = AuthorityFiles(tmp_path)
    first = files.load_or_make("test", NOW)
    assert first.phase is Phase.IDLE and first.signing == first.serving
    trusting = files.begin("test", NOW)
    assert trusting.phase is Phase.TRUSTING
    assert trusting.signing == first.signing and len(split_bundle(trusting.bundle)) == 2
    signing = files.switch()
    assert signing.phase is Phase.SIGNING
    assert signing.serving == first.signing and signing.signing != first.signing
    last = files.finish()
    assert (
        last.phase is Phase.IDLE
        and last.signing == signing.signing
        and last.bundle == signing.signing.certificate
    )
    assert {path.name for path in tmp_path.iterdir()} == {"ca.crt", "ca.key"}
    assert (tmp_path / "ca.key").stat().st_mode & 0o777 == 0o600


class Cut(Exception):
    pass


class CutFiles:
    """Takes so many steps on the disk, then the power is gone."""

    def __init__(self, steps):
        self._left = steps

    def _take(self):
        if not self._left:
            raise Cut
        self._left -= 1

    def write(self, path, data, mode):
        self._take()
        write_atomic(path, data, mode)

    def remove(self, path):
        self._take()
        remove_file(path)


@pytest.mark.parametrize("step", ["begin", "switch", "finish"])
def test_a_power_cut_in_any_step_leaves_a_cluster_that_knows_where_it_is(tmp_path, step):
    is_cut, cut_at = True, 0
    while is_cut:
        directory = tmp_path / f"{step}{cut_at}"
        files = AuthorityFiles(directory)
        files.load_or_make("test", NOW)
        if step != "begin":
            files.begin("test", NOW)
        if step == "finish":
            files.switch()
        before = files.load()
        disk = CutFiles(cut_at)
        arguments = ("test", NOW) if step == "begin" else ()
        try:
            getattr(AuthorityFiles(directory, disk.write, disk.remove), step)(*arguments)
            is_cut = False
        except Cut:
            cut_at += 1
        found = files.load()  # the start after the cut
        assert is_key_of(found.signing.certificate, found.signing.key)
        assert is_key_of(found.serving.certificate, found.serving.key)
        assert found.phase in (before.phase, NEXT.get(before.phase, Phase.TRUSTING))
        while found.phase is not Phase.IDLE:
            found = files.switch() if found.phase is Phase.TRUSTING else files.finish()
        assert len(split_bundle(found.bundle)) == 1
    assert cut_at >= 2  # each step is several


def test_a_certificate_without_its_key_is_told_in_a_sentence(tmp_path):
    files = AuthorityFiles(tmp_path)
    files.load_or_make("test", NOW)
    (tmp_path / "ca.key").unlink()
    with pytest.raises(ValueError, match=r"ca\.key is missing.*restore it from a backup"):
        files.load_or_make("test", NOW)


def test_a_key_without_its_certificate_is_a_start_that_was_cut_off(tmp_path):
    (tmp_path / "ca.key").write_bytes(b"half")
    assert AuthorityFiles(tmp_path).load_or_make("test", NOW).phase is Phase.IDLE
