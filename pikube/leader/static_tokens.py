"""Pure: bearer tokens that a file names, as kube-apiserver's --token-auth-file.

Enter: the file's text. Leave: users by token. Read once, when the leader starts. A line is `token,user,uid` and,
for who is in groups, `"group1,group2"`. Source: kubernetes apiserver pkg/authentication/token/tokenfile/tokenfile.go.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence

from pikube.leader.request.authn import API_AUDIENCES, Recognised, TokenReader
from pikube.leader.request.context import User


class BadTokenFile(Exception):
    """A file that cannot be used; the message is one sentence."""


def read_token_file(text: str, name: str) -> dict[bytes, User]:
    """Users by the digest of their token (so that looking one up takes the same time for any). BadTokenFile."""
    users: dict[bytes, User] = {}
    for record in csv.reader(io.StringIO(text), skipinitialspace=True):
        if not record or record[0].startswith("#"):
            continue
        if len(record) < 3:
            raise BadTokenFile(
                f"token file '{name}' must have at least 3 columns (token, user name, user uid), found {len(record)}"
            )
        token, user, uid, *more = (column.strip() for column in record)
        if not token:
            continue
        groups = tuple(group for group in more[0].split(",") if group) if more else ()
        users[_digest(token)] = User(user, groups, uid)
    return users


def with_tokens(users: Mapping[bytes, User], otherwise: TokenReader) -> TokenReader:
    """A reader of tokens that knows these, which are for the API only, and asks for every other one."""

    def read(token: str, audiences: Sequence[str]) -> Recognised:
        found = users.get(_digest(token))
        common = tuple(audience for audience in audiences if audience in API_AUDIENCES)
        return (found, common) if found is not None and common else otherwise(token, audiences)

    return read


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
