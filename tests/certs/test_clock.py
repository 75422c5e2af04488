"""What time a board takes it to be: its clock may be years off in either direction."""

from pathlib import Path

from pikube.certs.clock import BoardClock, last_write


def test_a_leader_is_never_earlier_than_what_it_has_written():
    assert BoardClock(1000.0, wall=lambda: 5.0)() == 1000.0
    assert BoardClock(1000.0, wall=lambda: 2000.0)() == 2000.0


def test_a_floor_from_the_far_future_is_damage_and_not_a_clock():
    assert BoardClock(9e12, wall=lambda: 2000.0)() == 2000.0


def test_what_the_leader_said_counts_more_than_the_board_s_own_clock():
    ticks = 100.0
    clock = BoardClock(0.0, wall=lambda: 9e9, monotonic=lambda: ticks)
    clock.learn(5000.0)
    ticks = 130.0
    assert clock() == 5030.0


def test_the_last_write_is_that_of_the_newest_file(tmp_path):
    (tmp_path / "a").write_text("x")
    assert last_write([tmp_path / "a", Path("/nowhere")]) == (tmp_path / "a").stat().st_mtime
    assert last_write([]) == 0.0
