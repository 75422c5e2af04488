"""What `pikube pair` shows of the boards that wait."""

from pikube.cli.pair import table_of

ROW = {
    "name": "b2", "model": "Raspberry Pi 4", "serial": "0001", "mac": "aa:bb", "address": "192.0.2.2",
    "digits": "012345", "waitingSeconds": 7, "takesThePlaceOf": None, "replace": False,
}  # fmt: skip


def remarks(*rows):
    return [line[-1] for line in table_of([{**ROW, **row} for row in rows])]


def test_a_line_has_what_tells_one_board_from_another():
    assert table_of([ROW]) == [("b2", "Raspberry Pi 4", "0001", "192.0.2.2", "012 345", "7s", "new")]
    assert table_of([{**ROW, "serial": ""}])[0][2] == "aa:bb"


def test_remarks_warn_of_what_an_approval_would_do():
    assert remarks({"takesThePlaceOf": "Pi 3, serial 9", "replace": True}) == [
        "takes the place of Pi 3, serial 9"
    ]
    assert remarks({"takesThePlaceOf": "Pi 3", "replace": False}) == ["name taken: join with --replace"]
    assert remarks({}, {"digits": "999999"}, {"name": "b3"}) == ["not the only one of this name"] * 2 + [
        "new"
    ]
