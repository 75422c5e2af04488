"""Hypothesis strategies for decoded JSON, shared by the tests of patches."""

from __future__ import annotations

from hypothesis import strategies as st

names = st.sampled_from(["a", "b", "c", "a/b", "m~n", ""])
scalars = st.one_of(st.booleans(), st.integers(-3, 3), st.text("xy", max_size=2))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=8,
)
documents = st.dictionaries(names, values, max_size=4)
