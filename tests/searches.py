"""How long Hypothesis searches: as long as a law asks for in `make test`, a fifth of that in `make check`."""

from hypothesis import settings

WHOLE = 100  # examples of a law that asks for no number


def examples(number, **more):
    """The settings of a law that asks for this number of examples, as far as the profile goes that is loaded."""
    return settings(max_examples=max(5, number * settings.default.max_examples // WHOLE), **more)
