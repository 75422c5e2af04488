"""Pure: cron lines and when they fire next.

Enter: `*/5 8-18 * * MON-FRI`, `@daily`, `@every 90m`, a time zone's name, instants in seconds since 1970. Leave:
instants. Called by the CronJob controller and by validation. The language is that of robfig/cron v3's standard
parser, which Kubernetes uses.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pikube.api.durations import BadDuration, parse_duration

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
MONTHS = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6,
    "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
}  # fmt: skip
DAYS = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}
YEARS_AHEAD = 5  # a line that never fires (30 February) is given up after so many years, as robfig/cron does


class CronError(ValueError):
    """A line or a time zone that cannot be read; the message says what is wrong."""


class Bounds(NamedTuple):
    name: str
    low: int
    high: int
    names: dict[str, int]


FIELDS = (
    Bounds("minute", 0, 59, {}),
    Bounds("hour", 0, 23, {}),
    Bounds("day-of-month", 1, 31, {}),
    Bounds("month", 1, 12, MONTHS),
    Bounds("day-of-week", 0, 6, DAYS),
)


class Schedule(NamedTuple):
    """A cron line, compiled. `every_s` is that of `@every` and stands alone. `any_hour`, `any_day`, `any_weekday`:
    the field is a star."""

    minutes: tuple[int, ...] = ()
    hours: tuple[int, ...] = ()
    days: frozenset[int] = frozenset()
    months: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    any_hour: bool = False
    any_day: bool = False
    any_weekday: bool = False
    every_s: float = 0.0

    def matches_day(self, day: datetime) -> bool:
        """Month and day; where both kinds of day are restricted, either will do."""
        if day.month not in self.months:
            return False
        by_date = day.day in self.days
        by_weekday = day.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return by_date and by_weekday
        return by_date or by_weekday


def parse_cron(line: str) -> Schedule:
    """Compile a line. Raises CronError."""
    text = line.strip()
    if not text:
        raise CronError("empty spec string")
    if text.startswith(("TZ=", "CRON_TZ=")):
        raise CronError("cannot use TZ or CRON_TZ in schedule, use timeZone field instead")
    if text.startswith("@every "):
        return Schedule(every_s=_every_s(text))
    if text.startswith("@"):
        if text not in MACROS:
            raise CronError(f"unrecognized descriptor: {text}")
        text = MACROS[text]
    parts = text.split()
    if len(parts) != len(FIELDS):
        raise CronError(f"expected exactly 5 fields, found {len(parts)}: [{' '.join(parts)}]")
    sets = [_field(part, bounds) for part, bounds in zip(parts, FIELDS, strict=True)]
    return Schedule(
        minutes=tuple(sorted(sets[0])),
        hours=tuple(sorted(sets[1])),
        days=frozenset(sets[2]),
        months=frozenset(sets[3]),
        weekdays=frozenset(sets[4]),
        any_hour=_is_star(parts[1]),
        any_day=_is_star(parts[2]),
        any_weekday=_is_star(parts[4]),
    )


def load_zone(name: str | None) -> tzinfo:
    """The time zone; UTC without a name. Raises CronError."""
    if not name:
        return UTC
    if name.lower() == "local":
        raise CronError("timeZone must be an explicit time zone")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise CronError(f"unknown time zone {name}") from None


def next_after(schedule: Schedule, after: float, zone: tzinfo) -> float | None:
    """The first instant after `after` at which the schedule fires; None if it never does.

    Hours that daylight saving leaves out do not fire; hours that come twice fire once, or twice where every hour is
    meant."""
    if schedule.every_s:
        return float(int(after)) + schedule.every_s
    start = datetime.fromtimestamp(after, zone).replace(tzinfo=None)
    day = start.replace(hour=0, minute=0, second=0, microsecond=0)
    for offset in range(-1, 366 * YEARS_AHEAD):
        today = day + timedelta(days=offset)
        if not schedule.matches_day(today):
            continue
        for at in _instants(schedule, today, zone, start):
            if at > after:
                return at
    return None


def latest_until(schedule: Schedule, since: float, until: float, zone: tzinfo) -> float | None:
    """The last instant in (since, until] at which the schedule fires; None if there is none."""
    if schedule.every_s:
        rounds = int((until - float(int(since))) // schedule.every_s)
        return float(int(since)) + rounds * schedule.every_s if rounds > 0 else None
    for window_s in (3600.0, 86400.0, 32 * 86400.0, 366 * 86400.0, 8 * 366 * 86400.0):
        start = max(since, until - window_s)
        found = None
        at = next_after(schedule, start, zone)
        while at is not None and at <= until:
            found = at
            at = next_after(schedule, at, zone)
        if found is not None or start == since:
            return found
    return None


def _instants(schedule: Schedule, day: datetime, zone: tzinfo, start: datetime) -> Iterator[float]:
    """The instants of a day, in order, but for those hours before the start."""
    for hour in schedule.hours:
        at = day.replace(hour=hour)
        if at < start - timedelta(hours=3):  # more than any daylight saving moves
            continue
        for fold in (0, 1) if schedule.any_hour else (0,):
            for minute in schedule.minutes:
                local = at.replace(minute=minute, tzinfo=zone, fold=fold)
                if fold and local.utcoffset() == local.replace(fold=0).utcoffset():
                    break  # the hour comes once
                instant = local.timestamp()
                if datetime.fromtimestamp(instant, zone).replace(tzinfo=None) == local.replace(tzinfo=None):
                    yield instant


def _field(text: str, bounds: Bounds) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        found |= _range(part, bounds)
    return found


def _range(text: str, bounds: Bounds) -> set[int]:
    span, slash, step_text = text.partition("/")
    if "/" in step_text:
        raise CronError(f"too many slashes: {text}")
    if span in ("*", "?"):
        low, high = bounds.low, bounds.high
    else:
        first, dash, last = span.partition("-")
        if "-" in last:
            raise CronError(f"too many hyphens: {text}")
        low = _number(first, bounds)
        high = _number(last, bounds) if dash else (bounds.high if slash else low)
    step = _number(step_text, Bounds("step", 0, 10**6, {})) if slash else 1
    if slash and not step:
        raise CronError(f"step of range should be a positive number: {text}")
    if low < bounds.low:
        raise CronError(f"beginning of range ({low}) below minimum ({bounds.low}): {text}")
    if high > bounds.high:
        raise CronError(f"end of range ({high}) above maximum ({bounds.high}): {text}")
    if low > high:
        raise CronError(f"beginning of range ({low}) beyond end of range ({high}): {text}")
    return set(range(low, high + 1, step))


def _number(text: str, bounds: Bounds) -> int:
    named = bounds.names.get(text.lower())
    if named is not None:
        return named
    if not (text.isascii() and text.isdigit()) or len(text) > 6:
        raise CronError(f"failed to parse int from {text}")
    return int(text)


def _is_star(text: str) -> bool:
    return any(part.partition("/")[0] in ("*", "?") for part in text.split(","))


def _every_s(line: str) -> float:
    try:
        seconds = parse_duration(line.removeprefix("@every "))
    except BadDuration as error:
        raise CronError(f"failed to parse duration {line}: {error}") from None
    return max(1.0, float(int(seconds)))
