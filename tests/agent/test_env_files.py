"""Variables out of files that another container of the pod has written."""

import pytest

from pikube.agent.pods.env_files import BadEnvFile, value_in
from pikube.agent.pods.environment import ConfigMissing, Facts, environment_of
from pikube.agent.pods.sub_paths import read_below
from pikube.api.kinds.core_container import Container, EnvVar, EnvVarSource, FileKeySelector
from pikube.api.kinds.core_pod import Pod

TEXT = """
# a comment
 A='one'   # and why
B='two
 # lines'
C= 'nothing'
D=''
E='$(A) \\n "x"'
"""


@pytest.mark.parametrize(
    ("name", "value"),
    [("A", "one"), ("B", "two\n # lines"), ("C", ""), ("D", ""), ("E", '$(A) \\n "x"'), ("F", "")],
)
def test_what_is_between_quotes_is_the_value_as_it_stands(name, value):
    assert value_in(TEXT, name) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A", "at line 1: missing '='"),
        ("\n='x'", "at line 2: empty variable name"),
        ("A ='x'", "at line 1: whitespace before '=' is not allowed"),
        ("A=x", "at line 1: value must be enclosed in single quotes"),
        ("A='x' y", "at line 1: unexpected content after closing quote"),
        ("\nA='x\ny", "starting at line 2: unclosed single quote"),
    ],
)
def test_what_is_no_such_file_is_said_with_its_line(text, words):
    with pytest.raises(BadEnvFile, match=words.replace("'", ".")):
        value_in(text, "Z")


def variables(text, **ref):
    selector = FileKeySelector(**{"volume_name": "v", "path": "e", "key": "A", **ref})
    container = Container(name="c", env=(EnvVar(name="X", value_from=EnvVarSource(file_key_ref=selector)),))
    return environment_of(Pod(), container, Facts(files={("v", "e"): text} if text is not None else {}))


def test_a_variable_is_taken_from_its_file_or_named_as_missing():
    assert variables(TEXT)["X"] == "one"
    assert "X" not in variables(TEXT, key="F", optional=True) and "X" not in variables(None, optional=True)
    with pytest.raises(ConfigMissing, match='environment variable key "F" not found in file "e"'):
        variables(TEXT, key="F")
    with pytest.raises(ConfigMissing, match="couldn't parse env file"):
        variables("A", optional=True)


def test_a_file_is_read_inside_of_its_volume_only(tmp_path):
    volume = tmp_path / "v"
    (volume / "..data").mkdir(parents=True)
    (volume / "..data" / "e").write_text("inside")
    (volume / "e").symlink_to("..data/e")
    (tmp_path / "secret").write_text("the board's own")
    (volume / "out").symlink_to(tmp_path / "secret")
    assert read_below(str(volume), "e") == read_below(str(volume), "/..data/e") == "inside"
    for path in ("out", "../secret", "no", "e/x", "..data", ""):
        assert read_below(str(volume), path) is None, path
