"""Shell: a command in a container over the network: stdin, stdout, stderr, terminal sizes and the exit status.

Enter: an upgrade request and what to run. Leaves: an UpgradeResponse that hands a RemoteSession to it. Over a
WebSocket each message begins with its channel; over SPDY each stream says its type in a header. Called by the
kubelet API for exec and attach. Sources: kubernetes apimachinery `util/remotecommand`, kubelet
`pkg/cri/streaming/remotecommand`, KEP-4006.
"""

from __future__ import annotations

import base64
import binascii
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

import trio

from pikube.api.errors import ApiError, InternalError
from pikube.wire.channels import Agreement, exit_status, failure_status, size_of
from pikube.wire.messages import Request, UpgradeResponse
from pikube.wire.spdy_session import SpdyConnection, SpdyStream, open_spdy
from pikube.wire.upgrade import Agreed, CommandStreams, agree, command_streams
from pikube.wire.websocket import WebSocket
