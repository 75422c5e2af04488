"""Shell: where the self-contained program begins."""

import os
import sys

from pikube.__main__ import main

# PyInstaller's loader points LD_LIBRARY_PATH at the libraries it carries. Podman, nft and whatever else pikube starts
# must find the system's own.
before = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
os.environ.pop("LD_LIBRARY_PATH", None)
if before:
    os.environ["LD_LIBRARY_PATH"] = before

sys.exit(main())
