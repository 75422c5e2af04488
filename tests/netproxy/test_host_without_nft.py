"""A host whose kernel has nft's program and not its families: what is said of it, and how often."""

import pytest

from pikube.netproxy.host_network import HostNetwork

REFUSES = """\
#!/bin/sh
echo "Error: Could not process rule: Operation not supported" >&2
exit 1
"""
FORGETS = '#!/bin/sh\ntest "$1" = -f\n'  # takes every table and has none a moment later


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Puts a program on the only path there is."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def put(name, text):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)

    put("iptables", "#!/bin/sh\n")
    return put


def test_what_was_never_there_is_not_lost_and_is_told_once(programs, caplog, tmp_path):
    programs("nft", REFUSES)
    host = HostNetwork("10.43.0.0/16", "10.42.0.0/16", tmp_path)
    for _ in range(3):
        host.keep()
    assert [record.getMessage() for record in caplog.records] == [
        "event=no_masquerade why='Error: Could not process rule: Operation not supported' "
        "words='pods reach the outside only as far as Podman lets them'"
    ]
    caplog.clear()
    programs("nft", FORGETS)
    host.keep()
    assert not caplog.records, "a family that was loaded meanwhile"
    host.keep()
    assert "event=nft_tables_lost" in caplog.text
