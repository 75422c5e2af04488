"""Pure: lists and watches as clients ask for them: selectors, limits, continue tokens, bookmarks.

Enter: query options and store snapshots or events. Leave: the items of a page, the events a selector
lets through. Called by the HTTP handlers and the leader's own client.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass

from pikube.api.errors import BadRequest, Cause, Expired, ServerTimeout
from pikube.api.go_words import base64_problem, json_words
from pikube.api.options import check_list_options
from pikube.api.scheme import KindInfo
from pikube.api.selector import FieldSelector, LabelSelector, parse_field_selector, parse_label_selector
from pikube.leader.store.contract import Event, EventType, Interest, Item, Key, Snapshot, Store


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list or watch wants of a kind: both selectors, compiled. One that `asks` reads fields of a version that
    a webhook makes: have it asked before anything is matched."""

    labels: LabelSelector
    fields: FieldSelector
    read_fields: Callable[[bytes], dict[str, str]] | None = None
    asks: bool = False

    @property
    def is_empty(self) -> bool:
        return self.labels.empty and self.fields.empty

    def matches(self, item: Item) -> bool:
        if not self.labels.matches(item.select.labels):
            return False
        fields = item.select.fields
        if self.read_fields is not None and not self.fields.empty:
            fields = {**self.read_fields(item.value), **fields}
        return self.fields.matches(fields)

    def interest(self) -> Interest | None:
        """Which changes concern this filter; None for all, also where a webhook would have to be asked."""
        if self.is_empty or self.asks:
            return None

        def concerns(event: Event) -> bool:
            return self.matches(event.item) or (event.previous is not None and self.matches(event.previous))

        return concerns


NAMED = ("metadata.name", "metadata.namespace")


NEWEST = -1  # in a token: whatever is there when the list goes on


def make_filter(info: KindInfo, label_selector: str, field_selector: str) -> Filter:
    """Compile both; BadRequest for bad syntax or a field that cannot be selected by."""
    labels = parse_label_selector(label_selector)
    names = NAMED if info.names.namespaced else NAMED[:1]
    fields = parse_field_selector(field_selector, (*names, *info.field_labels, *info.field_aliases))
    if info.field_aliases:
        fields = fields.renamed(info.field_aliases)
    asks = info.read_fields is not None and not fields.empty and hasattr(info.view, "prepare")
    return Filter(labels, fields, info.read_fields, asks)


def seen_through(filter_: Filter, event: Event) -> EventType | None:
    """The type of a change for a client that sees only what the filter lets through: an object that stops
    matching is DELETED for it, one that begins to match is ADDED (kubernetes cacher: watchCache events)."""
    if filter_.is_empty:
        return event.type
    was = event.previous is not None and filter_.matches(event.previous)
    if event.type is EventType.DELETED:
        return EventType.DELETED if was else None
    matches = filter_.matches(event.item)
    if matches:
        return EventType.MODIFIED if was else EventType.ADDED
    return EventType.DELETED if was else None


@dataclass(frozen=True, slots=True)
class Page:
    """One answer to a list: items, the revision it is true of, and how to go on."""

    items: list[Item]
    revision: int
    continue_token: str = ""
    remaining: int | None = None


def list_page(store: Store, info: KindInfo, namespace: str | None, filter_: Filter) -> Page:
    """All that there is now."""
    return page_of(take(store, info, namespace, filter_), filter_)


def take(
    store: Store,
    info: KindInfo,
    namespace: str | None,
    filter_: Filter,
    *,
    limit: int = 0,
    continue_token: str = "",
    resource_version: str = "",
    match: str = "",
) -> Snapshot:
    """What a page is chosen from. Expired when its snapshot is gone, Invalid for options that contradict."""
    check_list_options(continue_token, resource_version, match, limit=limit)
    resource = info.storage
    scope = namespace if info.names.namespaced else None
    at: int | None = None
    after: tuple[str, str] | None = None
    if continue_token:
        revision, after = decode_continue(continue_token)
        at = revision if revision != NEWEST else None
    elif resource_version not in ("", "0") and int(resource_version) > store.revision:
        raise too_new(resource_version, store.revision)
    elif match == "Exact":
        at = int(resource_version)
    exact = filter_.fields.exact("metadata.name")
    if exact and scope and at is None:
        item = store.get(Key(resource, scope, exact))
        return Snapshot([item] if item is not None else [], store.revision, 0)
    try:
        return store.list(
            resource, scope, at_revision=at, after=after, limit=limit if filter_.is_empty else 0
        )
    except Expired as error:
        if after is None:
            raise
        raise Expired.continue_token(encode_continue(NEWEST, after)) from error


def page_of(snapshot: Snapshot, filter_: Filter, limit: int = 0) -> Page:
    """The page that a client asked for."""
    if filter_.is_empty:
        return _page(snapshot.items, snapshot.revision, snapshot.remaining)
    matching = [item for item in snapshot.items if filter_.matches(item)]
    if limit and len(matching) > limit:
        # upstream does not count what remains behind a selector, because it would have to look at it
        page = _page(matching[:limit], snapshot.revision, len(matching) - limit)
        return Page(page.items, page.revision, page.continue_token, None)
    return Page(matching, snapshot.revision)


def too_new(wanted: str, revision: int) -> ServerTimeout:
    """A version that is not there yet: clients wait, or list without one (kubernetes storage/errors.go)."""
    words = f"Too large resource version: {wanted}, current: {revision}"
    cause = Cause("ResourceVersionTooLarge", "Too large resource version")
    return ServerTimeout(f"Timeout: {words}", causes=[cause], retry_after_s=1)


def _page(items: list[Item], revision: int, remaining: int) -> Page:
    if not remaining:
        return Page(items, revision)
    last = items[-1].key
    return Page(items, revision, encode_continue(revision, (last.namespace, last.name)), remaining)


CONTINUE_VERSION = "pikube/v1"


def encode_continue(revision: int, after: tuple[str, str]) -> str:
    """An opaque token: the snapshot and the last key."""
    text = json.dumps({"v": CONTINUE_VERSION, "rv": revision, "ns": after[0], "name": after[1]})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_continue(token: str) -> tuple[int, tuple[str, str]]:
    """Back again; BadRequest for anything that we did not hand out."""
    plain = token.replace("-", "+").replace("_", "/")
    padded = plain + "=" * (-len(plain) % 4)
    if problem := base64_problem(padded):
        raise _bad_continue(problem)
    text = base64.b64decode(padded)
    try:
        content = json.loads(text)
    except ValueError:
        raise _bad_continue(json_words(text)) from None
    if not isinstance(content, dict) or content.get("v") != CONTINUE_VERSION:
        raise _bad_continue("server does not recognize this encoded version")
    try:
        return int(content["rv"]), (str(content["ns"]), str(content["name"]))
    except (ValueError, KeyError, TypeError):
        raise _bad_continue("encoded start key empty") from None


def _bad_continue(why: str) -> BadRequest:
    """In the words of kubernetes apiserver storage/continue.go."""
    return BadRequest(f"invalid continue token: continue key is not valid: {why}")
