"""The kubectls of this machine: `kubectl.1.27` … beside the one that is called kubectl."""

import re
import shutil
from pathlib import Path


def every_kubectl():
    """Paths, the oldest first; at least the one in PATH."""
    found = shutil.which("kubectl")
    assert found is not None, "make prepare installs kubectl"
    directory = Path(found).resolve().parent
    numbered = [path for path in directory.glob("kubectl.1.*") if re.fullmatch(r"kubectl\.1\.\d+", path.name)]
    return [str(path) for path in sorted(numbered, key=lambda p: int(p.name.rpartition(".")[2]))] or [found]


EVERY = every_kubectl()
OLDEST, NEWEST = EVERY[0], EVERY[-1]
