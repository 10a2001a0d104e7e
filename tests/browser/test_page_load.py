"""The benchmark of page loads runs and prints one line of JSON; how fast, no test asks."""

import importlib
import json
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_page_load_prints_one_line(lab, browser, monkeypatch, capsys):
    """With the browser that there is, and its dashboard in place of both servers."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    page_load = importlib.import_module("page_load")

    @contextmanager
    def running():
        launch = SimpleNamespace(new_context=browser.new_context, close=lambda: None)
        yield SimpleNamespace(chromium=SimpleNamespace(launch=lambda **_: launch))

    def lab_of(_home, _script):
        nothing = {"start": lambda: None, "stop": lambda: None}
        return SimpleNamespace(process=lab.process, url=lab.url, **nothing)

    monkeypatch.setattr(page_load, "sync_playwright", running)
    monkeypatch.setattr(page_load, "Lab", lab_of)
    page_load.main(["--small"])
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    line = json.loads(out)
    assert line["name"] == "page_load"
    assert min(line["ratio"], line["ours"], line["stock"]) > 0
    assert list(line["pages"]) == ["overview"]
    for visits in (line["pages"]["overview"], line["stock_page"]):
        assert list(visits) == ["first", "second", "rerun"]
        assert all(0 < visit["p50"] <= visit["p95"] for visit in visits.values())
