"""The benchmark of page loads runs and prints one line of JSON; how fast, no test asks."""

import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "page_load.py"


def test_page_load_prints_one_line():
    # A process of its own, for Playwright runs once in each.
    words = [sys.executable, str(BENCHMARK), "--small"]
    out = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    assert out.count("\n") == 1
    line = json.loads(out)
    assert line["name"] == "page_load"
    assert min(line["ratio"], line["ours"], line["stock"]) > 0
    assert list(line["pages"]) == ["overview"]
    for visits in (line["pages"]["overview"], line["stock_page"]):
        assert list(visits) == ["first", "second", "rerun"]
        assert all(0 < visit["p50"] <= visit["p95"] for visit in visits.values())
