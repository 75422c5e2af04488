"""Tables look as kubectl's do."""

from pikube.cli.output import render_table


def test_columns_are_as_wide_as_their_widest_cell():
    assert render_table(("NAME", "ADDRESS"), [("a", "192.0.2.1"), ("longer-name", "")]) == (
        "NAME          ADDRESS\na             192.0.2.1\nlonger-name   <none>\n"
    )


def test_a_table_of_nothing_has_its_head():
    assert render_table(("NAME", "AGE"), []) == "NAME   AGE\n"
