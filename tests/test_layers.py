"""The architecture as a test: who may import whom, one door per dependency, pure modules stay pure."""

import ast
import functools
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "pikube"

LAYERS = {
    "api": set(),
    "wire": {"api"},
    "informer": {"api"},
    "certs": {"api", "wire", "informer", "config"},
    "netproxy": {"api", "wire", "informer", "certs", "config"},
    "agent": {"api", "wire", "informer", "certs", "config"},
    "leader": {"api", "wire", "informer", "certs", "config"},
}
"""Each house and what it may import; run, cli and __main__ may import everything."""

DOORS = {
    "podman": "pikube/preflight/",
    "httpx": "pikube/wire/webhook.py",
    "h11": "pikube/wire/",
    "httptools": "pikube/wire/incoming.py",
    "wsproto": "pikube/wire/",
    "zeroconf": "pikube/wire/mdns",
    "ifaddr": "pikube/wire/interfaces.py",
    "cryptography": "pikube/certs/",
    "nacl": "pikube/certs/at_rest.py",
    "sqlite3": "pikube/leader/store/",
    "pyroute2": "pikube/netproxy/",
    "dns": "pikube/netproxy/",
    "cel": "pikube/api/cel.py",
}

IMPURE = {
    "trio", "httpx", "podman", "socket", "time", "random", "os", "subprocess", "threading", "pathlib",
    "sqlite3", "tempfile", "shutil", "select", "signal", "secrets",
}  # fmt: skip

MODULES = sorted(ROOT.rglob("*.py"))


@functools.cache
def tree_of(path):
    return ast.parse(path.read_text())


@functools.cache
def imports_of(path):
    """(module, the name imported from it or '') for every import statement, wherever it stands."""
    found = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [(node.module, alias.name) for alias in node.names]
    return found


def name_of(path):
    return path.relative_to(ROOT.parent).as_posix()


def ids(paths):
    return [name_of(path) for path in paths]


@pytest.mark.parametrize("path", MODULES, ids=ids(MODULES))
def test_a_house_imports_only_what_lies_below_it(path):
    house = path.relative_to(ROOT).parts[0]
    if house not in LAYERS:
        return
    for module, name in imports_of(path):
        if module == "pikube":
            module = f"pikube.{name}"
        if not module.startswith("pikube."):
            continue
        other = module.split(".")[1]
        allowed = LAYERS[house] | {house, "__version__"}
        assert other in allowed, f"{name_of(path)} imports {module}"


@pytest.mark.parametrize("path", MODULES, ids=ids(MODULES))
def test_each_dependency_has_one_door(path):
    for module, _ in imports_of(path):
        door = DOORS.get(module.split(".")[0])
        assert door is None or name_of(path).startswith(door), f"{name_of(path)} imports {module}"


@pytest.mark.parametrize("path", MODULES, ids=ids(MODULES))
def test_a_module_says_what_it_is_and_pure_ones_are(path):
    text = ast.get_docstring(tree_of(path)) or ""
    if path.name == "__init__.py" and not path.read_text().strip():
        return
    inside = {"pikube/__init__.py", "pikube/__main__.py"}
    first = text.replace(":", ".").split(".")[0].split()[:1]
    if name_of(path) in inside:
        return
    assert first and first[0] in ("Pure", "Shell", "Declaration"), name_of(path)
    if first[0] == "Pure":
        impure = {module for module, _ in imports_of(path) if module.split(".")[0] in IMPURE}
        assert not impure, f"{name_of(path)} is said to be pure and imports {impure}"


@pytest.mark.parametrize("path", MODULES, ids=ids(MODULES))
def test_no_file_is_two_files_in_one(path):
    assert len(path.read_text().splitlines()) <= 600
    assert path.stem not in ("utils", "helpers", "common", "misc")
