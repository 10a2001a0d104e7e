"""Which tests one process runs: those of a module, and all that drive a browser."""

from pathlib import Path

import pytest

BROWSER = Path(__file__).parent / "browser"


def pytest_itemcollected(item):
    """Group tests by module, whose fixtures are costly, and keep to one browser at a time."""
    group = "browser" if BROWSER in item.path.parents else str(item.path)
    item.add_marker(pytest.mark.xdist_group(group))
