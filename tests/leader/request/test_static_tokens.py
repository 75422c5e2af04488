"""Bearer tokens of a file, and nobody who is nobody, as kube-apiserver has them."""

import pytest
from request_api import Api

from pikube.api.errors import Unauthorized
from pikube.leader.request.authn import API_AUDIENCES
from pikube.leader.request.context import User
from pikube.leader.static_tokens import BadTokenFile, read_token_file, with_tokens
from pikube.wire.messages import Peer

TEXT = 'secret,jane,7,"devs,system:masters"\n\n# said of nobody\n other , joe , 8\n,nobody,9\n'
NOBODY = Peer("127.0.0.1", 1)
MAPS = "/api/v1/namespaces/default/configmaps"


def unknown(token, audiences):
    raise Unauthorized


def test_a_file_names_users():
    read = with_tokens(read_token_file(TEXT, "tokens.csv"), unknown)
    assert read("secret", API_AUDIENCES) == (User("jane", ("devs", "system:masters"), "7"), API_AUDIENCES)
    assert read("other", ("x", *API_AUDIENCES)) == (User("joe", (), "8"), API_AUDIENCES)
    for token in ("", "nobody", "said of nobody", "SECRET"):
        with pytest.raises(Unauthorized):
            read(token, API_AUDIENCES)
    with pytest.raises(Unauthorized):
        read("secret", ("another",))


def test_a_line_without_a_uid_is_named():
    words = r"token file 'tokens.csv' must have at least 3 columns \(token, user name, user uid\), found 2"
    with pytest.raises(BadTokenFile, match=words):
        read_token_file("secret,jane\n", "tokens.csv")


async def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BadTokenFile, match=r"none\.csv cannot be read"):
        Api(token_auth_file=str(tmp_path / "none.csv"))


async def test_whoever_has_a_token_is_its_user(tmp_path):
    path = tmp_path / "tokens.csv"
    path.write_text(TEXT)
    api = Api(token_auth_file=str(path))
    await api.make_namespace()
    assert (await api("GET", MAPS, peer=NOBODY, authorization="Bearer secret"))[0] == 200
    code, refused = await api("GET", MAPS, peer=NOBODY, authorization="Bearer other")
    assert code == 403 and 'User "joe" cannot list resource "configmaps"' in refused["message"]
    review = {"spec": {"token": "secret"}}
    _, reviewed = await api("POST", "/apis/authentication.k8s.io/v1/tokenreviews", review)
    assert reviewed["status"]["user"]["username"] == "jane"


async def test_nobody_may_be_refused():
    assert (await Api()("GET", "/version", peer=NOBODY))[0] in (200, 403)
    api = Api(anonymous_auth="false")
    for path in ("/version", "/readyz", MAPS):
        assert (await api("GET", path, peer=NOBODY))[0] == 401
    assert (await api("GET", "/version"))[0] == 200
