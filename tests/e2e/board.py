"""A board for end-to-end tests: a network namespace, a Podman of its own, the real program in it.

Everything it makes is removed by `close`, also after a failure: containers, mounts, the namespace, files.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

ADDRESS = "198.51.100.7"  # RFC 5737: an address of nobody
ROOT = Path(__file__).parent.parent.parent
CONTAINERS_CONF = """\
[engine]
runtime = "runc"
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=30000:30000"]
"""
OTHER_PODMAN = os.environ.get("PIKUBE_E2E_PODMAN", "")  # where scripts/other-podman has put one
OTHER_CONF = f"""\
conmon_path = ["{OTHER_PODMAN}/usr/bin/conmon"]
helper_binaries_dir = ["{OTHER_PODMAN}/usr/lib/podman", "{OTHER_PODMAN}/usr/libexec/podman"]
"""
APPLETS = (
    *("sh", "httpd", "cat", "echo", "env", "hostname", "ls", "ps", "sleep", "wget", "nc", "tar", "id"),
    *("test", "mkdir", "rm", "date", "head", "true", "false"),
)


def wait_until(condition, timeout_s=30.0, what="the condition"):
    """Ask again and again until `condition` gives something true; returns it. Fails loudly."""
    pause = threading.Event()
    ends_at = time.monotonic() + timeout_s
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > ends_at:
            break
        pause.wait(0.05)
    raise AssertionError(f"{what} did not come true within {timeout_s} s")


PROGRAM = (sys.executable, "-m", "pikube")


class Board:
    """One board; `start` runs the leader on it. Its image is made of `busybox`, for `image_architecture` if that is
    not this machine's."""

    busybox = Path("/bin/busybox")
    image_architecture = ""

    def __init__(self, directory: Path, name: str = "", program: tuple[str, ...] = PROGRAM) -> None:
        self.directory = directory
        self.name = f"pk{os.getpid()}{name}"
        self.program = program
        self.process = None
        self.log = directory / "leader.log"
        self.kubeconfig = directory / "kubeconfig"
        self._conf = directory / "containers.conf"
        self._is_hybrid = bool(OTHER_PODMAN) or not Path("/sys/fs/cgroup/cgroup.controllers").exists()

    def open(self):
        self.run_host("ip", "netns", "add", self.name)
        inside = (
            "ip link set lo up",
            "ip link add eth0 type veth peer name eth0-peer",  # no board at the other end: a link that is up
            f"ip address add {ADDRESS}/24 dev eth0",
            "ip link set eth0-peer up",
            "ip link set eth0 up",
            "ip route add default dev eth0",
        )
        for command in inside:
            self.run(*command.split())
        if self._is_hybrid:
            self._conf.write_text(self.conf_text())
        self._make_image()

    @staticmethod
    def conf_text():
        """The containers.conf of hosts with a hybrid cgroup hierarchy, or for another Podman than the host's."""
        engine, containers = CONTAINERS_CONF.split("[containers]")
        return f"{engine}{OTHER_CONF if OTHER_PODMAN else ''}[containers]{containers}"

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.stop()
        for argv in (["pod", "rm", "-fa", "-t", "0"], ["rm", "-fa", "-t", "0"], ["network", "prune", "-f"]):
            self.podman(*argv, check=False)
        self._end_leftovers()
        for line in Path("/proc/mounts").read_text().splitlines():
            mount = line.split()[1]
            if mount.startswith(str(self.directory)):
                subprocess.run(["umount", "-l", mount], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "delete", self.name], check=False, capture_output=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    def processes(self):
        """The command lines of processes that name this board's own directory, by pid."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    command = (entry / "cmdline").read_bytes()
                except OSError:
                    continue
                if str(self.directory).encode() in command and b"pytest" not in command:
                    found[int(entry.name)] = command
        return found

    def _end_leftovers(self):
        """What a killed leader could not end."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
                os.kill(pid, signal.SIGCONT)  # a test may have stopped it

    # -- running things ------------------------------------------------------------------------

    def run_host(self, *argv, check=True, text_in=None, timeout_s=120):
        done = subprocess.run(
            argv, input=text_in, capture_output=True, text=True, timeout=timeout_s, env=self.environment()
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(argv)} → {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def run(self, *argv, **options):
        """A command on the board."""
        return self.run_host("nsenter", f"--net=/run/netns/{self.name}", *argv, **options)

    def environment(self):
        extra = {"CONTAINERS_CONF": str(self._conf)} if self._is_hybrid else {}
        if OTHER_PODMAN:
            extra["PATH"] = f"{OTHER_PODMAN}/bin:{os.environ['PATH']}"
            extra["PODMAN_IGNORE_CGROUPSV1_WARNING"] = "1"
        extra["PYTHONDONTWRITEBYTECODE"] = (
            ""  # an installed pikube has its bytecode: 400 files less to compile
        )
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig), **extra}

    def kubectl(self, *argv, program="kubectl", **options):
        """kubectl on the board; its output."""
        cache = f"--cache-dir={self.directory}/cache-{Path(program).name}"
        done = self.run(program, cache, *argv, **options)
        return done.stdout if options.get("check", True) else done

    def get(self, *argv):
        """`kubectl get … -o json`, parsed."""
        return json.loads(self.kubectl("get", *argv, "-o", "json"))

    def curl(self, url, *argv):
        return self.run("curl", "--silent", "--show-error", "--max-time", "5", *argv, url, check=False)

    def spawn_kubectl(self, *argv, program="kubectl"):
        """kubectl on the board, running; what it prints can be read."""
        inside = ("nsenter", f"--net=/run/netns/{self.name}", program, *argv)
        return subprocess.Popen(inside, stdout=subprocess.PIPE, text=True, env=self.environment())

    def podman(self, *argv, **options):
        return self.run(
            "podman",
            *("--root", str(self.directory / "storage")),
            *("--runroot", str(self.directory / "run")),
            *("--network-config-dir", str(self.directory / "networks")),
            *argv,
            **options,
        )

    # -- the program ---------------------------------------------------------------------------

    def start(self, *flags):
        """The leader, until its node is Ready."""
        command = [
            "nsenter",
            f"--net=/run/netns/{self.name}",
            *self.program,
            "leader",
            *self.settings(),
            *flags,
        ]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=ROOT, start_new_session=True, env=self.environment()
            )
        wait_until(self._is_ready, what="a Ready node", timeout_s=60)

    def settings(self):
        """The flags that keep everything of this board below its directory."""
        flags = [
            "--data-dir", str(self.directory / "data"), "--write-kubeconfig", str(self.kubeconfig),
            "--node-name", "board", "--podman-root", str(self.directory / "storage"),
            "--pod-logs-dir", str(self.directory / "log/pods"),
            "--podman-runroot", str(self.directory / "run"),
            "--podman-network-dir", str(self.directory / "networks"),
        ]  # fmt: skip
        return [*flags, "--containers-conf", str(self._conf)] if self._is_hybrid else flags

    def _is_ready(self):
        assert self.process.poll() is None, self.log.read_text()[-4000:]
        if not self.kubeconfig.exists():
            return False
        done = self.kubectl("get", "node", "board", "-o", "json", check=False)
        if done.returncode:
            return False
        conditions = json.loads(done.stdout)["status"].get("conditions", [])
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=30)

    def _make_image(self):
        root = self.directory / "image"
        (root / "bin").mkdir(parents=True)
        (root / "tmp").mkdir()
        shutil.copy(self.busybox, root / "bin" / "busybox")
        for applet in APPLETS:
            (root / "bin" / applet).symlink_to("busybox")
        tar = self.directory / "image.tar"
        self.run_host("tar", "-C", str(root), "-cf", str(tar), ".")
        self.import_image(tar)

    def import_image(self, tar):
        architecture = ("--arch", self.image_architecture) if self.image_architecture else ()
        self.podman("import", "--quiet", *architecture, str(tar), "localhost/box:1")
