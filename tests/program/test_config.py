"""Where settings come from, and what is said of wrong ones."""

import argparse

import pytest

from pikube.__main__ import COMMANDS, main
from pikube.cli.failure import StartupError
from pikube.cli.options import add_flags, read_resolved, read_settings
from pikube.config import BadSetting, merge, resolve


def arguments(*argv):
    parser = argparse.ArgumentParser()
    add_flags(parser, "leader", "agent")
    return parser.parse_args(argv)


def test_flags_count_before_variables_before_later_files_before_earlier_ones():
    files = {"a.yaml": {"max-pods": 1, "cluster-name": "a", "node-name": "A"}, "b.yaml": {"max-pods": 2}}
    found = {
        each.setting.name: (each.value, each.source)
        for each in resolve({"node-label": ["x=y"]}, {"PIKUBE_CLUSTER_NAME": "v"}, files, host="raspberrypi")
    }
    assert found["node-label"] == (("x=y",), "--node-label")
    assert found["cluster-name"] == ("v", "PIKUBE_CLUSTER_NAME")
    assert found["max-pods"] == (2, "b.yaml")
    assert found["node-name"] == ("a", "a.yaml")
    assert found["data-dir"] == ("/var/lib/pikube", "default")


def test_the_node_is_called_as_the_host_when_nothing_else_is_said():
    found = {each.setting.name: each for each in resolve({}, {}, {}, host="Raspberry")}
    assert (found["node-name"].value, found["node-name"].source) == ("raspberry", "host name")


def test_who_moves_the_services_moves_their_dns():
    def dns(**flags):
        found = {each.setting.name: each for each in resolve(flags, {}, {}, host="h")}
        return found["cluster-dns"].value, found["cluster-dns"].source

    assert dns() == ("10.43.0.10", "default")
    assert dns(**{"service-cidr": "10.96.0.0/12"}) == ("10.96.0.10", "service-cidr")
    assert dns(**{"cluster-dns": "10.43.3.3"}) == ("10.43.3.3", "--cluster-dns")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"max-pod": 3}, "c.yaml has an unknown setting max-pod; did you mean max-pods?"),
        ({"zzz": 3}, "c.yaml has an unknown setting zzz"),
        ({"max-pods": "many"}, "max-pods in c.yaml cannot be 'many': it is a whole number"),
        (
            {"node-monitor-grace-period": "2s"},
            "node-monitor-grace-period in c.yaml cannot be '2s': boards say every 2.5 s that they live: 5s at least",
        ),
        (
            {"node-monitor-grace-period": "m"},
            "node-monitor-grace-period in c.yaml cannot be 'm': it is written 40s",
        ),
        (
            {"kubelet-port": 70000},
            "kubelet-port in c.yaml cannot be 70000: a port is a number from 1 to 65535",
        ),
        ({"log-level": "loud"}, "log-level in c.yaml cannot be 'loud': it is debug, info, warning or error"),
        ({"node-name": "my_pi"}, "node-name in c.yaml cannot be 'my_pi': a lowercase RFC 1123 subdomain"),
        (
            {"cluster-domain": "lab!"},
            "cluster-domain in c.yaml cannot be 'lab!': a lowercase RFC 1123 subdomain",
        ),
        (
            {"cluster-cidr": "10.42.0.0/25"},
            "cluster-cidr in c.yaml cannot be '10.42.0.0/25': each node gets a /24",
        ),
        (
            {"service-cidr": "10.43.0.0/30"},
            "service-cidr in c.yaml cannot be '10.43.0.0/30': it is a /12 at most",
        ),
        (
            {"service-cidr": "10.0.0.0/8"},
            "service-cidr in c.yaml cannot be '10.0.0.0/8': it is a /12 at most",
        ),
        (
            {"service-cidr": "fd00::/112"},
            "service-cidr in c.yaml cannot be 'fd00::/112': pods and Services have IPv4",
        ),
        ({"service-cidr": "10.42.8.0/24"}, "service-cidr 10.42.8.0/24 and cluster-cidr 10.42.0.0/16 overlap"),
        ({"cluster-dns": "10.44.0.10"}, "cluster-dns 10.44.0.10 is not in service-cidr 10.43.0.0/16"),
        ({"cluster-dns": "fd00::10"}, "cluster-dns fd00::10 is not in service-cidr 10.43.0.0/16"),
        ({"cluster-dns": "10.43.0.1"}, "cluster-dns cannot be 10.43.0.1, which is the first or the last of"),
        ({"node-label": ["a b=c"]}, "node-label in c.yaml cannot be ['a b=c']: name part must consist of"),
        ({"node-label": ["a=b c"]}, "node-label in c.yaml cannot be ['a=b c']: a valid label must be"),
        ({"node-taint": ["a=b"]}, "node-taint in c.yaml cannot be ['a=b']: it is written key=value:EFFECT"),
        (
            {"node-taint": ["a=b:Never"]},
            "node-taint in c.yaml cannot be ['a=b:Never']: it is written key=value:EFFECT",
        ),
    ],
)
def test_a_wrong_file_is_refused_in_one_sentence(document, words):
    with pytest.raises(BadSetting) as caught:
        merge({}, {}, {"c.yaml": document}, host="h")
    assert str(caught.value).startswith(words)


def test_parts_of_the_configuration_directory_follow_the_file(tmp_path):
    main_file = tmp_path / "config.yaml"
    main_file.write_text("max-pods: 5\ncluster-name: one\n")
    parts = tmp_path / "config.yaml.d"
    parts.mkdir()
    (parts / "20-b.yaml").write_text("max-pods: 7\n")
    (parts / "10-a.yaml").write_text("max-pods: 6\nno-agent: true\n")
    (parts / "ignored.txt").write_text("max-pods: 8\n")
    settings = read_settings(arguments("--config", str(main_file)))
    assert (settings.max_pods, settings.cluster_name, settings.no_agent) == (7, "one", True)
    sources = {
        each.setting.name: each.source for each in read_resolved(arguments("--config", str(main_file)))
    }
    assert sources["no-agent"] == str(parts / "10-a.yaml")


@pytest.mark.parametrize("text", ["max-pods: [", "just words", "- a\n- b\n"])
def test_a_half_written_file_is_named(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(StartupError, match=str(path)):
        read_settings(arguments("--config", str(path)))


def test_the_command_prints_values_and_sources(tmp_path, capsys):
    path = tmp_path / "config.yaml"
    path.write_text("cluster-name: lab\n")
    assert main(["config", "--config", str(path), "--max-pods", "9"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["SETTING", "VALUE", "SOURCE"]
    assert ["cluster-name", "lab", str(path)] in lines
    assert ["max-pods", "9", "--max-pods"] in lines
    assert ["node-ip", "<none>", "default"] in lines


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"pikube {command}" in capsys.readouterr().out


@pytest.mark.parametrize(("text", "seconds"), [("40s", 40), ("8", 8), (30, 30), ("1m30s", 90), ("2m", 120)])
def test_a_grace_period_is_written_as_kubernetes_writes_it(text, seconds):
    settings = merge({}, {}, {"c.yaml": {"node-monitor-grace-period": text}}, host="h")
    assert settings.node_monitor_grace_period == seconds
