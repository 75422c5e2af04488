"""Pure: the files on a card's boot partition that make it a node at its first start, with nobody logging in.

Enter: a Card. Leave: texts by path below the boot partition. Two formats: `cloud-init` (Raspberry Pi OS Trixie,
Ubuntu: user-data, network-config, meta-data) and `firstrun` (Raspberry Pi OS Bookworm: a script that the kernel's
command line names). Both only install pikube/first-boot.sh as a service, which works until it is done and can be cut
at any moment. Source: raspberrypi/rpi-imager doc/os_customisation_formats.md.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from typing import Any

from pikube.flash.card import Card, Wifi
from pikube.preflight.cmdline import with_memory_flag

FIRST_RUN = (
    "systemd.run=/boot/firmware/firstrun.sh systemd.run_success_action=reboot "
    "systemd.unit=kernel-command-line.target"
)
PLAIN = re.compile(r"(?!(yes|no|on|off|true|false|null|y|n)$)[a-z][a-z0-9_-]*")
"""Keys that no reader takes for anything but text."""
UNIT = """\
[Unit]
Description=Make this board a pikube node
Wants=network.target time-sync.target
After=network.target time-sync.target
ConditionPathExists=!/etc/pikube/first-boot-done

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/pikube-first-boot
Restart=on-failure
RestartSec=15
TimeoutStartSec=infinity

[Install]
WantedBy=multi-user.target
"""


def boot_files(card: Card, format_: str) -> dict[str, str]:
    """Path → text. The program itself and packages are put beside them by the caller."""
    files = {
        "pikube/first-boot.sh": first_boot(card),
        "pikube/first-boot.service": UNIT,
        "pikube/config.yaml": config(card),
    }
    if card.token:
        files["pikube/join-token"] = card.token + "\n"
    if format_ == "cloud-init":
        user = user_data(card)
        files |= {
            "user-data": user,
            "network-config": network_config(card.wifi),
            "meta-data": meta_data(card, user),
        }
    else:
        files["firstrun.sh"] = first_run(card)
    return files


def command_line(text: str, format_: str) -> str:
    """cmdline.txt with the memory cgroup on and, for `firstrun`, the script named. Raises ValueError."""
    line = with_memory_flag(text)
    if format_ == "firstrun" and "systemd.run=" not in line:
        line = f"{line.strip()} {FIRST_RUN}\n"
    return line


def config(card: Card) -> str:
    lines = [("node-name", card.node), *card.settings]
    return "".join(f"{name}: {_json(value)}\n" for name, value in lines)  # JSON is YAML


def network_key(wifi: Wifi) -> str:
    """The key of 64 hex digits (IEEE 802.11i: PBKDF2 of the passphrase), so that no quoting can go wrong."""
    if len(wifi.passphrase) == 64:
        return wifi.passphrase.lower()
    return hashlib.pbkdf2_hmac("sha1", wifi.passphrase.encode(), wifi.ssid.encode(), 4096, 32).hex()


def user_data(card: Card) -> str:
    """#cloud-config. `user` in the singular keeps the image's default groups (sudo, gpio, i2c …)."""
    user: dict[str, Any] = {"name": card.user, "shell": "/bin/bash", "sudo": "ALL=(ALL) NOPASSWD:ALL"}
    user["lock_passwd"] = not card.password_hash
    if card.password_hash:
        user["passwd"] = card.password_hash
    if card.ssh_keys:
        user["ssh_authorized_keys"] = list(card.ssh_keys)
    document: dict[str, Any] = {
        "hostname": card.node,
        "manage_etc_hosts": True,
        "user": user,
        "ssh_pwauth": bool(card.password_hash),
    }
    if card.timezone:
        document["timezone"] = card.timezone
    document["runcmd"] = [
        ["sh", "-c", "systemctl enable --now ssh || true"],
        ["sh", "-c", install_first_boot()],
        ["systemctl", "enable", "--now", "--no-block", "pikube-first-boot.service"],
    ]
    return "#cloud-config\n" + _yaml(document)


def install_first_boot() -> str:
    """One line of shell that puts the script and its unit in place, wherever the boot partition is mounted."""
    return (
        "for boot in /boot/firmware /boot; do [ -f $boot/pikube/first-boot.sh ] || continue; "
        "install -D -m 755 $boot/pikube/first-boot.sh /usr/local/sbin/pikube-first-boot; "
        "install -D -m 644 $boot/pikube/first-boot.service /etc/systemd/system/pikube-first-boot.service; break; done"
    )


def network_config(wifi: Wifi | None) -> str:
    """Netplan version 2. `optional`: a missing cable must not hold up the start."""
    document: dict[str, Any] = {
        "version": 2,
        "ethernets": {"eth0": {"dhcp4": True, "dhcp6": True, "optional": True}},
    }
    if wifi is not None:
        document["wifis"] = {
            "wlan0": {
                "dhcp4": True,
                "optional": True,
                "regulatory-domain": wifi.country,
                "access-points": {wifi.ssid: {"password": network_key(wifi)}},
            }
        }
    return _yaml(document)


def meta_data(card: Card, user: str) -> str:
    """A changed card has another instance, so that cloud-init runs again."""
    digest = hashlib.sha256(user.encode() + config(card).encode()).hexdigest()[:12]
    return _yaml({"instance-id": f"pikube-{card.node}-{digest}", "local-hostname": card.node})


def first_run(card: Card) -> str:
    """Bookworm's: runs once, without a network, as the first process; the image's own tools do what they can."""
    keys = " ".join(shlex.quote(key) for key in card.ssh_keys)
    wifi = ""
    if card.wifi is not None:
        words = (card.wifi.ssid, network_key(card.wifi), card.wifi.country)
        wifi = f"$imager set_wlan -p {shlex.join(words)}\nrfkill unblock wifi || true\n"
    password = ""
    if card.password_hash:
        password = f"echo {shlex.quote(f'{card.user}:{card.password_hash}')} | chpasswd -e\n"
    timezone = f"$imager set_timezone {shlex.quote(card.timezone)}\n" if card.timezone else ""
    ssh = f"$imager enable_ssh -k {keys}\n" if keys else "$imager enable_ssh\n"
    return f"""\
#!/bin/bash
# Runs at the first start of a card, then never again.
set +e
imager=/usr/lib/raspberrypi-sys-mods/imager_custom
boot=/boot/firmware
[ -f $boot/cmdline.txt ] || boot=/boot
$imager set_hostname {card.node}
first=$(getent passwd 1000 | cut -d: -f1)
id {card.user} >/dev/null 2>&1 || usermod -l {card.user} -d /home/{card.user} -m "$first"
{password}{ssh}{wifi}{timezone}{install_first_boot()}
systemctl enable pikube-first-boot.service
sed -i 's| systemd\\.run[^ ]*||g; s| systemd\\.unit=kernel-command-line\\.target||' $boot/cmdline.txt
rm -f $boot/firstrun.sh
exit 0
"""


def first_boot(card: Card) -> str:
    """The script that ends with a node. Each step looks whether it is done already."""
    if card.mode == "leader":
        join = "pikube install leader"
    else:
        ca = f" --ca-hash {shlex.quote(card.ca_hash)}" if card.ca_hash else ""
        join = f"env PIKUBE_TOKEN=$(cat /etc/pikube/join-token 2>/dev/null || true) pikube join{ca}"
    return f"""\
#!/bin/sh
# Makes this board a pikube node. It may be cut at any moment and begins again; systemd repeats it until it is done.
set -eu
say() {{ echo "pikube-first-boot: $*"; }}
boot=/boot/firmware
[ -d $boot/pikube ] || boot=/boot
from=$boot/pikube

if [ -f $boot/cmdline.txt ] && ! grep -qw cgroup_enable=memory $boot/cmdline.txt; then
  say "switching the memory cgroup on, for the next start"
  sed -i '1 s/ cgroup_disable=memory//; 1 s/[[:space:]]*$/ cgroup_enable=memory/' $boot/cmdline.txt
  reboot_needed=1
fi

if [ -d $from ]; then
  mkdir -p /etc/pikube
  [ -f $from/config.yaml ] && install -m 600 $from/config.yaml /etc/pikube/config.yaml
  [ -f $from/join-token ] && install -m 600 $from/join-token /etc/pikube/join-token
fi

missing=
for package in podman netavark aardvark-dns catatonit nftables iptables iproute2; do
  [ "$(dpkg-query -W -f '${{db:Status-Status}}' $package 2>/dev/null)" = installed ] || missing="$missing $package"
done
if [ -n "$missing" ]; then
  dpkg --configure -a  # where a cut stopped it
  if ls $from/debs/*.deb >/dev/null 2>&1; then
    say "installing the packages that are on the card"
    dpkg -i $from/debs/*.deb
  else
    say "installing$missing"
    # Boards have no clock: a list that seems to come from the future is no reason to stop.
    apt-get -o Acquire::Check-Date=false update
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
  fi
fi

# A program that a cut or a full disk left in part does not tell its version.
if ! pikube version >/dev/null 2>&1; then
  program=$from/pikube-$(uname -m)
  [ -f "$program" ] || {{ say "there is no $program on the card, and no pikube on the board"; exit 1; }}
  say "installing pikube"
  install -m 755 "$program" /usr/local/bin/.pikube.new || {{ rm -f /usr/local/bin/.pikube.new; exit 1; }}
  sync -f /usr/local/bin/.pikube.new
  mv /usr/local/bin/.pikube.new /usr/local/bin/pikube
  pikube version
fi

if [ -n "${{reboot_needed:-}}" ]; then
  sync
  say "restarting once"
  systemctl reboot
  exit 0
fi

say "{"starting the leader" if card.mode == "leader" else "joining"}"
systemctl is-enabled --quiet pikube-{card.mode}.service 2>/dev/null || {join}
rm -f /etc/pikube/join-token
# What let this board in must not stay on a card that anybody can read.
rm -f $from/join-token
touch /etc/pikube/first-boot-done
say "done"
"""


def _yaml(document: Any, indent: int = 0) -> str:
    """Block style for maps and lists, JSON for the rest: every YAML reader agrees on it."""
    pad = " " * indent
    out = ""
    for key, value in document.items():
        name = key if PLAIN.fullmatch(key) else _json(key)
        if isinstance(value, dict):
            out += f"{pad}{name}:\n{_yaml(value, indent + 2)}"
        elif isinstance(value, list):
            out += f"{pad}{name}:\n" + "".join(f"{pad}  - {_json(item)}\n" for item in value)
        else:
            out += f"{pad}{name}: {_json(value)}\n"
    return out


def _json(value: Any) -> str:
    """YAML knows JSON but not its pairs of surrogates."""
    return json.dumps(value, ensure_ascii=False)
