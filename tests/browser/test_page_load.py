"""The benchmark of page loads runs and prints one line of JSON; how fast, no test asks."""

import importlib
import json
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

LEAST = """data:text/html,
<div data-testid=stApp data-test-script-state=notRunning></div>
<script>
    const app = document.querySelector("div");
    const title = document.createElement("h1");
    onkeydown = () => { title.remove(); setTimeout(() => app.append(title), 50); };
    onkeydown();
</script>"""
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_page_load_prints_one_line(lab, browser, monkeypatch, capsys):
    """With the browser and the dashboard that there are; the least page is a title."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    page_load = importlib.import_module("page_load")

    @contextmanager
    def running():
        launch = SimpleNamespace(new_context=browser.new_context, close=lambda: None)
        yield SimpleNamespace(chromium=SimpleNamespace(launch=lambda **_: launch))

    def lab_of(_home, script):
        nothing = {"start": lambda: None, "stop": lambda: None}
        url = lab.url if script.name == "app.py" else LEAST
        return SimpleNamespace(process=lab.process, url=url, **nothing)

    monkeypatch.setattr(page_load, "sync_playwright", running)
    monkeypatch.setattr(page_load, "Lab", lab_of)
    page_load.main(["--small"])
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    line = json.loads(out)
    assert line["name"] == "page_load"
    assert min(line["ours"], line["stock"]) > 0
    assert line["ratio"] == pytest.approx(line["stock"] / line["ours"], abs=0.01)
    assert list(line["pages"]) == ["overview"]
    for visits in (line["pages"]["overview"], line["stock_page"]):
        assert list(visits) == ["first", "second", "rerun"]
        assert all(0 < visit["p50"] <= visit["p95"] for visit in visits.values())
