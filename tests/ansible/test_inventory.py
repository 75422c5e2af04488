"""site.yml refuses an inventory that cannot be: no board is asked anything, and here there is none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
BIN = Path(sys.executable).parent
NOWHERE = {"ansible_host": "192.0.2.1", "ansible_ssh_common_args": "-o ConnectTimeout=1"}

pytestmark = pytest.mark.e2e


def play(tmp_path, inventory):
    (tmp_path / "inventory.yml").write_text(
        inventory if isinstance(inventory, str) else yaml.safe_dump(inventory)
    )
    environment = {
        **os.environ, "ANSIBLE_HOME": str(tmp_path / "ansible"), "ANSIBLE_LOCALHOST_WARNING": "False",
        "ANSIBLE_NOCOLOR": "1", "PATH": f"{BIN}:{os.environ['PATH']}",
    }  # fmt: skip
    done = subprocess.run(
        [BIN / "ansible-playbook", ROOT / "ansible/site.yml", "-i", tmp_path / "inventory.yml"],
        capture_output=True, text=True, check=False, env=environment, cwd=tmp_path, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.returncode, " ".join(done.stdout.split())


def cluster(servers=("pi-1",), agents=("pi-2",), **variables):
    groups = {"server": servers, "agent": agents}
    return {
        "k3s_cluster": {
            "children": {name: {"hosts": dict.fromkeys(hosts, NOWHERE)} for name, hosts in groups.items()},
            "vars": variables,
        }
    }


@pytest.mark.parametrize(
    ("inventory", "words"),
    [
        (cluster(servers=("pi-1", "pi-3")), "the group server has 2 boards, and pikube one leader"),
        (cluster(servers=()), "the group server has 0 boards"),
        ("server: [this is\n", "the group server has 0 boards"),
        (cluster(pikube_config="max-pods: 5"), "pi-1: pikube_config must hold settings as `name: value`"),
        (cluster(pikube_config={"max-podz": 5}), "an unknown setting max-podz; did you mean max-pods?"),
        (cluster(pikube_config={"max-pods": "many"}), "max-pods in pikube_config cannot be 'many'"),
        (cluster(pikube_server="pi-1"), "pikube_server is written https://HOST:6443, not pi-1"),
        (cluster(board_journal_max="little"), "board_journal_max is written 64M, not little"),
    ],
)  # fmt: skip
def test_an_inventory_that_cannot_be_is_refused_before_a_board_is_asked(tmp_path, inventory, words):
    code, said = play(tmp_path, inventory)
    assert code != 0
    assert words in said
    assert "UNREACHABLE" not in said


def test_an_inventory_that_can_be_goes_on_to_the_boards(tmp_path):
    code, said = play(tmp_path, cluster(pikube_config={"max-pods": 5, "tls-san": ["lab.example"]}))
    assert code != 0
    assert "pi-1 : ok=0 changed=0 unreachable=1" in said
