from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from searches import examples

from pikube.api.cron import CronError, latest_until, load_zone, next_after, parse_cron

BERLIN = ZoneInfo("Europe/Berlin")


def at(text, zone=UTC):
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def fires(line, start, count=1, zone=UTC):
    schedule, found, now = parse_cron(line), [], at(start, zone)
    for _ in range(count):
        now = next_after(schedule, now, zone)
        if now is None:
            return None
        found.append(datetime.fromtimestamp(now, zone).strftime("%Y-%m-%d %H:%M %z")[:-6])
    return found


@pytest.mark.parametrize(
    ("line", "start", "wanted"),
    [
        ("* * * * *", "2026-01-01 00:00:00", ["2026-01-01 00:01", "2026-01-01 00:02"]),
        ("* * * * *", "2026-01-01 00:00:30", ["2026-01-01 00:01"]),
        ("*/15 * * * *", "2026-01-01 00:50", ["2026-01-01 01:00", "2026-01-01 01:15"]),
        ("0 */5 * * *", "2026-01-01 00:00", ["2026-01-01 05:00", "2026-01-01 10:00"]),
        ("30 8 * * MON-FRI", "2026-01-02 09:00", ["2026-01-05 08:30"]),
        ("0 0 1 jan,JUL *", "2026-02-01 00:00", ["2026-07-01 00:00", "2027-01-01 00:00"]),
        ("0 0 13 * FRI", "2026-02-10 00:00", ["2026-02-13 00:00", "2026-02-20 00:00"]),
        ("0 0 */10 * *", "2026-01-25 00:00", ["2026-01-31 00:00", "2026-02-01 00:00"]),
        ("0 0 29 2 *", "2026-01-01 00:00", ["2028-02-29 00:00"]),
        ("@hourly", "2026-01-01 00:10", ["2026-01-01 01:00"]),
        ("@daily", "2026-01-01 00:00", ["2026-01-02 00:00"]),
        ("@weekly", "2026-01-01 00:00", ["2026-01-04 00:00"]),
        ("@every 90m", "2026-01-01 00:00", ["2026-01-01 01:30", "2026-01-01 03:00"]),
        ("@every 1h30m10.5s", "2026-01-01 00:00", ["2026-01-01 01:30"]),
        ("5/20 * * * *", "2026-01-01 00:00", ["2026-01-01 00:05", "2026-01-01 00:25", "2026-01-01 00:45"]),
    ],
)
def test_a_line_fires_when_cron_would(line, start, wanted):
    assert fires(line, start, len(wanted)) == wanted


def test_a_line_that_never_fires_is_given_up():
    assert fires("0 0 30 2 *", "2026-01-01 00:00") is None


def test_hours_are_those_of_the_zone():
    assert fires("0 9 * * *", "2026-07-01 00:00", zone=BERLIN) == ["2026-07-01 09:00"]


def test_the_hour_that_daylight_saving_leaves_out_does_not_fire():
    assert fires("30 2 * * *", "2026-03-28 12:00", 1, BERLIN) == ["2026-03-30 02:30"]


def test_the_hour_that_comes_twice_fires_once_unless_every_hour_is_meant():
    assert fires("30 2 * * *", "2026-10-25 00:00", 2, BERLIN) == ["2026-10-25 02:30", "2026-10-26 02:30"]
    assert fires("30 * * * *", "2026-10-25 01:00", 4, BERLIN) == [
        "2026-10-25 01:30",
        "2026-10-25 02:30",
        "2026-10-25 02:30",
        "2026-10-25 03:30",
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "empty spec string"),
        ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("x * * * *", "failed to parse int from x"),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("1/2/3 * * * *", "too many slashes: 1/2/3"),
        ("@often", "unrecognized descriptor: @often"),
        ("@every soon", 'failed to parse duration @every soon: time: invalid duration "soon"'),
        ("TZ=UTC * * * * *", "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"),
    ],
)
def test_what_is_no_cron_line_is_refused_in_words(line, words):
    with pytest.raises(CronError) as caught:
        parse_cron(line)
    assert str(caught.value) == words


@pytest.mark.parametrize("name", ["Nowhere/Land", "Local", "../etc/passwd"])
def test_what_is_no_zone_is_refused(name):
    with pytest.raises(CronError):
        load_zone(name)


lines = st.sampled_from(["* * * * *", "*/7 3-5 * * *", "0 0 1 * *", "15 10 * * 1", "@every 45m"])


@examples(60)
@given(lines, st.integers(1_700_000_000, 1_800_000_000), st.integers(0, 40 * 86400))
def test_the_latest_is_the_last_of_those_that_fire(line, since, length):
    schedule = parse_cron(line)
    until = since + length
    found = latest_until(schedule, since, until, UTC)
    if found is None:
        upcoming = next_after(schedule, since, UTC)
        assert upcoming is None or upcoming > until
        return
    assert since < found <= until
    if not schedule.every_s:
        assert next_after(schedule, found, UTC) > until
        assert next_after(schedule, found - 1, UTC) == found


def test_the_latest_over_years_of_minutes_is_found_at_once():
    schedule = parse_cron("* * * * *")
    assert latest_until(schedule, 0.0, at("2026-01-01 00:00:30"), UTC) == at("2026-01-01 00:00")
