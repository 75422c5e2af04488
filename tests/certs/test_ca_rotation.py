"""A change of authority loses nobody: who signs is trusted by who is shown it, after any prefix of the steps."""

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pikube.certs.authority import is_key_of, split_bundle
from pikube.certs.authority_files import AuthorityFiles
from pikube.certs.ca_rotation import NEXT, BoardTrust, Phase, authorities, bundle_hash, waited_for

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


@pytest.mark.parametrize("step", ["begin", "switch", "finish"])
def test_a_power_cut_in_any_step_leaves_a_cluster_that_knows_where_it_is(tmp_path, step, monkeypatch):
    from pikube.certs import authority_files

    for cut_at in range(6):
        directory = tmp_path / f"{step}{cut_at}"
        files = AuthorityFiles(directory)
        files.load_or_make("test", NOW)
        if step != "begin":
            files.begin("test", NOW)
        if step == "finish":
            files.switch()
        before = files.load()
        writes = itertools.count()

        def cutting(path, data, mode=0o600, writes=writes, cut_at=cut_at, write=authority_files.write_atomic):
            if next(writes) == cut_at:
                raise Cut
            write(path, data, mode)

        monkeypatch.setattr(authority_files, "write_atomic", cutting)
        arguments = ("test", NOW) if step == "begin" else ()
        with contextlib.suppress(Cut):
            getattr(files, step)(*arguments)
        monkeypatch.undo()
        found = files.load()  # the start after the cut
        assert is_key_of(found.signing.certificate, found.signing.key)
        assert is_key_of(found.serving.certificate, found.serving.key)
        assert found.phase in (before.phase, NEXT.get(before.phase, Phase.TRUSTING))
        while found.phase is not Phase.IDLE:
            found = files.switch() if found.phase is Phase.TRUSTING else files.finish()
        assert len(split_bundle(found.bundle)) == 1


def test_a_certificate_without_its_key_is_told_in_a_sentence(tmp_path):
    files = AuthorityFiles(tmp_path)
    files.load_or_make("test", NOW)
    (tmp_path / "ca.key").unlink()
    with pytest.raises(ValueError, match=r"ca\.key is missing.*restore it from a backup"):
        files.load_or_make("test", NOW)


def test_a_key_without_its_certificate_is_a_start_that_was_cut_off(tmp_path):
    (tmp_path / "ca.key").write_bytes(b"half")
    assert AuthorityFiles(tmp_path).load_or_make("test", NOW).phase is Phase.IDLE
