"""The files below /var/log through the kubelet API."""

import pytest

from pikube.agent.node_logs import node_log
from pikube.api.errors import PathNotFound


async def read(answer):
    said = b""

    async def send(data):
        nonlocal said
        said += data

    await answer.run(send)
    return said


async def test_files_are_read_and_directories_listed(tmp_path):
    (tmp_path / "a <b>").write_text("words\n" * 100_000)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "empty").touch()
    listed = await node_log("", tmp_path)
    assert listed.chunks == (
        b'<pre>\n<a href="a%20%3Cb%3E">a &lt;b&gt;</a>\n<a href="deep/">deep/</a>\n</pre>\n',
    )
    assert await read(await node_log("a <b>", tmp_path)) == b"words\n" * 100_000
    assert await read(await node_log("/deep/empty", tmp_path)) == b""


@pytest.mark.parametrize("path", ["nothing", "../outside", "link", "deep/../../outside"])
async def test_nothing_else_is(tmp_path, path):
    root = tmp_path / "log"
    (root / "deep").mkdir(parents=True)
    (tmp_path / "outside").write_text("secret")
    (root / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(PathNotFound):
        await node_log(path, root)
