"""Where a task or a config is imported from: the working directory first, further folders last."""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path


def extend_import_path(roots: Sequence[Path]) -> None:
    """Lets modules be imported from the working directory first, and from `roots` last.

    The change stays, because a task may import its neighbours late.
    """
    cwd = str(Path.cwd())
    if cwd not in sys.path:
        sys.path.insert(0, cwd)
    for root in roots:
        if str(root) not in sys.path:
            sys.path.append(str(root))
    importlib.invalidate_caches()
