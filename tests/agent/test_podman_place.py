"""What Podman is started with."""

from pikube.agent.runtime.service import PodmanPlace


def test_podman_does_not_speak_to_systemd_in_our_name(monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/systemd/notify")
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.lan:3128")
    environment = PodmanPlace(socket="", run_dir="/run", containers_conf="/etc/x.conf").environment()
    assert not {"NOTIFY_SOCKET", "WATCHDOG_USEC"} & environment.keys()
    assert (environment["HTTPS_PROXY"], environment["CONTAINERS_CONF"]) == (
        "http://proxy.lan:3128",
        "/etc/x.conf",
    )
