"""Shell: imports dnspython without what it looks for and we do not use.

dns._features asks importlib.metadata which optional packages are installed. That alone imports email, zipfile, csv
and the tables of idna: 2.7 MB of the relay's 15 (measured, proportional set size). Where importlib.metadata has
nothing to say dnspython takes them for not installed. Called by the relay process before anything else imports dns.
"""

from __future__ import annotations

import importlib
import sys
import types

NAME = "importlib.metadata"


def import_dnspython() -> None:
    """Once; after that importlib.metadata is as it was."""
    known = sys.modules.get(NAME)
    if known is None:
        sys.modules[NAME] = types.ModuleType(NAME)
    try:
        importlib.import_module("dns.message")
    finally:
        if known is None:
            del sys.modules[NAME]
