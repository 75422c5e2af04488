"""Pure: PodLogOptions: what a client wants of a container's log, read from a query and checked.

Enter: a query string. Leave: `LogWish`, complaints, BadRequest. Called by the leader (which complains as
Kubernetes does) and by the kubelet API (which serves). Source: kubernetes pkg/apis/core/validation
`ValidatePodLogOptions`; conversions of query parameters in apimachinery pkg/conversion/queryparams.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

from pikube.api.errors import BadRequest, Cause
from pikube.api.options import parse_int64
from pikube.api.times import parse_time
from pikube.api.validation.causes import forbidden, invalid, not_negative, not_supported

STREAMS = ("All", "Stdout", "Stderr")


@dataclass(frozen=True, slots=True)
class LogWish:
    """What a client asked for; None means no bound."""

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail_lines: int | None = None
    since_s: int | None = None
    since_time_at: float | None = None
    limit_bytes: int | None = None
    stream: str = "All"

    def since_at(self, now: float) -> float | None:
        """The time before which lines are left out."""
        return now - self.since_s if self.since_s is not None else self.since_time_at


def parse_log_options(query: str) -> LogWish:
    """Read a query. BadRequest for what is no number, no truth or no time."""
    values = dict(parse_qsl(query, keep_blank_values=True))
    since_time = values.get("sinceTime", "")
    try:
        since_time_at = parse_time(since_time) if since_time else None
    except ValueError:
        raise BadRequest(f'parsing time "{since_time}": it is not RFC 3339') from None
    return LogWish(
        follow=_truth(values.get("follow", "")),
        previous=_truth(values.get("previous", "")),
        timestamps=_truth(values.get("timestamps", "")),
        tail_lines=_number(values.get("tailLines", "")),
        since_s=_number(values.get("sinceSeconds", "")),
        since_time_at=since_time_at,
        limit_bytes=_number(values.get("limitBytes", "")),
        stream=values.get("stream") or "All",
    )


def log_options_causes(wish: LogWish) -> list[Cause]:
    """What is wrong with a wish."""
    causes = not_negative("tailLines", wish.tail_lines)
    if wish.limit_bytes is not None and wish.limit_bytes < 1:
        causes.append(invalid("limitBytes", wish.limit_bytes, "must be greater than 0"))
    if wish.since_s is not None and wish.since_time_at is not None:
        causes.append(forbidden("", "at most one of `sinceTime` or `sinceSeconds` may be specified"))
    elif wish.since_s is not None and wish.since_s < 1:
        causes.append(invalid("sinceSeconds", wish.since_s, "must be greater than 0"))
    if wish.stream not in STREAMS:
        causes.append(not_supported("stream", wish.stream, STREAMS))
    elif wish.stream != "All" and wish.tail_lines is not None:
        causes.append(forbidden("", "`tailLines` and specific `stream` are mutually exclusive for now"))
    return causes


def _number(text: str) -> int | None:
    return parse_int64(text) if text else None


def _truth(text: str) -> bool:
    """Nothing, `false` and `0` are false (queryparams.Convert_Slice_string_To_bool)."""
    return text.lower() not in ("", "false", "0")
