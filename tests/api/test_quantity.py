"""Quantities: canonical text, exact values, Kubernetes' words for what is none."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pikube.api import quantity
from pikube.api.quantity import QuantityError, add, bytes_of, canonical, compare, cpu_millicores, subtract

# Written, canonical, whole units, thousandths: what k8s.io/apimachinery v0.36.2 answers.
KNOWN = [
    ("0", "0", 0, 0),
    ("-0", "0", 0, 0),
    ("0Ki", "0", 0, 0),
    ("1", "1", 1, 1000),
    ("0.5", "500m", 1, 500),
    ("1.5", "1500m", 2, 1500),
    ("-1500m", "-1500m", -2, -1500),
    ("1000m", "1", 1, 1000),
    ("1001m", "1001m", 2, 1001),
    ("1000k", "1M", 1_000_000, 10**9),
    ("1023", "1023", 1023, 1_023_000),
    ("1024Mi", "1Gi", 2**30, 2**30 * 1000),
    ("1.5Gi", "1536Mi", 1610612736, 1610612736000),
    ("-1.5Gi", "-1536Mi", -1610612736, -1610612736000),
    ("0.5Ki", "512", 512, 512_000),
    ("1.0001Ki", "1024102400u", 1025, 1024103),
    ("0.00000000001Ki", "11n", 1, 1),
    ("0.1n", "1n", 1, 1),
    ("1e3", "1e3", 1000, 10**6),
    ("12e-1", "1200e-3", 2, 1200),
    ("1e-10", "1e-9", 1, 1),
    ("100E", "100E", 10**20, 10**23),
    ("16Ei", "9223372036854775807", 2**63 - 1, (2**63 - 1) * 1000),
    # Text that Kubernetes takes for canonical stays as it was written.
    ("1.250", "1.250", 2, 1250),
    ("+5", "+5", 5, 5000),
]


@pytest.mark.parametrize(("written", "text", "units", "thousandths"), KNOWN)
def test_quantities_read_and_print_as_in_kubernetes(written, text, units, thousandths):
    assert canonical(written) == text
    assert bytes_of(written) == units
    assert cpu_millicores(written) == thousandths


@pytest.mark.parametrize(("number", "text"), [(1, "1"), (0.5, "500m"), (2000, "2k"), (1e3, "1k"), (-3, "-3")])
def test_numbers_of_a_manifest_become_text(number, text):
    assert canonical(number) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "quantities must match the regular expression"),
        ("abc", "quantities must match the regular expression"),
        ("1.2.3", "quantities must match the regular expression"),
        ("1 Gi", "quantities must match the regular expression"),
        ("1kk", "unable to parse quantity's suffix"),
        ("1GB", "quantities must match the regular expression"),
        ("1e", "unable to parse quantity's suffix"),
        ("1e99999999999999999999", "unable to parse quantity's suffix"),
        ("1e1000000000", "unable to parse numeric part of quantity"),
        ("9" * 5000, "unable to parse numeric part of quantity"),
    ],
)
def test_what_is_no_quantity_is_refused_in_kubernetes_words(text, words):
    with pytest.raises(QuantityError, match=words):
        quantity.parse(text)


def test_booleans_and_other_values_are_no_quantities():
    with pytest.raises(QuantityError):
        quantity.parse(True)


def test_sums_keep_the_suffixes_of_the_first_unless_it_is_zero():
    assert add("1Gi", "512Mi") == "1536Mi"
    assert add("100m", "1") == "1100m"
    assert add("0", "1Gi") == "1Gi"
    assert subtract("1Gi", "1Gi") == "0"
    assert subtract("1", "1500m") == "-500m"


def test_quantities_compare_by_value():
    assert compare("1000m", "1") == 0
    assert compare("1Gi", "1G") == 1
    assert compare("999m", "1") == -1


numbers = st.from_regex(r"\A-?[0-9]{1,6}(\.[0-9]{1,4})?\Z")
quantities = st.builds(
    str.__add__,
    numbers,
    st.sampled_from(["", "n", "u", "m", "k", "M", "G", "T", "P", "Ki", "Mi", "Gi", "Ti", "e3", "e-3", "E2"]),
)


@given(quantities)
def test_the_canonical_text_is_canonical_and_of_the_same_value(text):
    once = quantity.parse(text)
    again = quantity.parse(once.text)
    assert again.text == once.text
    assert again.nano == once.nano


POWERS = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def exact(text):
    """What a text says, without the cap that whoever reads a binary one sets."""
    number, suffix = re.fullmatch(r"([+-]?[0-9.]+)(.*)", text).groups()
    if suffix in BINARY:
        return Fraction(number) * 2 ** BINARY[suffix]
    power = POWERS[suffix] if suffix in POWERS else int(suffix[1:])
    return Fraction(number) * Fraction(10) ** power


@given(quantities, quantities)
def test_sums_and_differences_are_exact_however_large(left, right):
    """Quantity.Add goes on in inf.Dec where int64 ends; only reading a binary text caps it."""
    a, b = (Fraction(quantity.parse(text).nano, 10**9) for text in (left, right))
    assert exact(add(left, right)) == a + b
    assert exact(subtract(left, right)) == a - b


def test_a_sum_beyond_int64_is_said_and_read_as_in_kubernetes():
    assert add("7Ei", "7Ei") == "14Ei"
    assert bytes_of("14Ei") == 2**63 - 1
    assert bytes_of(add("9E", "9E")) == 18 * 10**18


@given(quantities, quantities)
def test_comparing_the_other_way_round_answers_the_opposite(left, right):
    assert compare(left, right) == -compare(right, left)
