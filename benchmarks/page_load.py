"""How long a reader waits for each page of the dashboard, in a real Chromium.

    python benchmarks/page_load.py [--pages energy_shifts transfer] [--repeats 5] [--rest 12]

A first visit opens one page of a new server on an empty home, in a browser whose cache is empty: as
soon as the server answers, or after a rest, in which it prepares estimates of runs. A
second visit opens the same page in another tab: a new session. A rerun is the page's key "r" there.
A page is complete when no script runs, no spinner, progress, skeleton or stale element is left,
every font is there, every figure and table is drawn and every number known ("…" stands for one that
is still computed), and it stays so for half a second. "Stock" is the least that Streamlit can do: a
script with a title and one plotly figure of 6,238 points, visited in turns with our pages in the
same way. The ratio is stock's median over ours, of all visits. Seconds by the clock are worth
something on an idle machine only; processor time of server and browser is given beside them.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import CHROMIUM, FLAGS, ROOT, Lab

PAGES = {path.stem: path.stem for path in sorted((ROOT / "pages").glob("*.py"))} | {"overview": ""}
"""Name of each page to its address."""

STOCK = """
import plotly.graph_objects as go
import streamlit as st

st.set_page_config(layout="wide")
st.title("Points")
x = [i % 97 for i in range(6238)]
y = [i % 89 for i in range(6238)]
st.plotly_chart(go.Figure(go.Scatter(x=x, y=y, mode="markers")))
"""

# Of the page itself: when its title was first seen and when it was last seen incomplete, in ms
# since the navigation began.
_WATCH = """
const UNREADY = ["stStatusWidget", "stSpinner", "stSkeleton", "stAppSkeleton", "stProgress"]
    .map(name => `[data-testid="${name}"]`).concat(['[data-stale="true"]']).join(",");
const isIncomplete = () => {
    const app = document.querySelector('[data-testid="stApp"]');
    if (app?.dataset.testScriptState !== "notRunning" || !app.querySelector("h1")) return true;
    if (document.querySelector(UNREADY)) return true;
    if (document.fonts.status !== "loaded") return true;
    const all = name => [...app.querySelectorAll(`[data-testid="${name}"]`)];
    return all("stPlotlyChart").some(chart => !chart.querySelector(".main-svg"))
        // A table in an expander that is closed is drawn when it is opened.
        || all("stDataFrame").some(one => one.checkVisibility() && !one.querySelector("canvas"))
        || all("stMetricValue").some(number => number.textContent.trim() === "…");
};
window.incompleteUntil = 0;
const look = () => {
    if (isIncomplete()) window.incompleteUntil = performance.now();
    if (!window.titledAt && document.querySelector('[data-testid="stApp"] h1'))
        window.titledAt = performance.now();
};
new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true });
setInterval(look, 20);
"""
# It was incomplete after the stopwatch began, for what was asked may begin late, and is no more.
_IS_COMPLETE = (
    "([start, quiet]) => window.incompleteUntil > start"
    " && performance.now() - window.incompleteUntil > quiet"
)
_QUIET_MS = 500
PATIENCE_MS = 300_000


@dataclass(kw_only=True, frozen=True)
class Visit:
    """What one visit took.

    Attributes:
        seconds: from the start of the navigation, or the key, to the complete page.
        title: from the start of the navigation to the page's title, its first paint, s.
        server_cpu: processor time of the server and its children meanwhile, s.
        browser_cpu: the same of the browser.
        main_thread: the part of it that the page's own thread took, for scripts, style and layout.
    """

    seconds: float
    title: float
    server_cpu: float
    browser_cpu: float
    main_thread: float


def visit_all(
    browser: Browser, script: Path, address: str, browser_process: psutil.Process, rest: float
) -> tuple[dict[str, Visit], float]:
    """Visit one page of a new server three times: first, again and as a rerun.

    Returns:
        The visits by name, and the server's peak memory in MB.
    """
    with tempfile.TemporaryDirectory() as home, started(Lab(Path(home), script)) as lab:
        time.sleep(rest)
        server = psutil.Process(lab.process.pid)
        visits = {}
        with closing(browser.new_context(viewport={"width": 1440, "height": 1000})) as context:
            context.add_init_script(_WATCH)
            for name in ("first", "second"):
                with closing(context.new_page()) as page:
                    stopwatch = Stopwatch(page, server, browser_process)
                    page.goto(f"{lab.url}/{address}")
                    visits[name] = stopwatch.completed()
                    if name == "second":
                        stopwatch = Stopwatch(page, server, browser_process)
                        page.keyboard.press("r")
                        visits["rerun"] = stopwatch.completed()
        return visits, server.memory_info().rss / 1e6


@contextmanager
def started(lab: Lab) -> Iterator[Lab]:
    """Run a dashboard."""
    lab.start()
    try:
        yield lab
    finally:
        lab.stop()


class Stopwatch:
    """Measures what happens between its making and the complete page.

    Args:
        page: the page; nothing is on it yet, or it is complete.
        server: the server's process.
        browser: the browser's.
    """

    def __init__(self, page: Page, server: psutil.Process, browser: psutil.Process) -> None:
        self._page, self._processes = page, (server, browser)
        self._tools = page.context.new_cdp_session(page)
        self._tools.send("Performance.enable", {"timeDomain": "threadTicks"})
        self._main_thread = self._main_thread_time()
        self._start = page.evaluate(
            "() => location.protocol === 'about:' ? 0 : window.incompleteUntil = performance.now()"
        )
        self._cpu = [cpu(process) for process in self._processes]

    def _main_thread_time(self) -> float:
        metrics = self._tools.send("Performance.getMetrics")["metrics"]
        return next(one["value"] for one in metrics if one["name"] == "TaskDuration")

    def completed(self) -> Visit:
        """Wait until the page is complete, and return what that took."""
        page = self._page
        page.wait_for_function(
            _IS_COMPLETE, arg=[self._start, _QUIET_MS], timeout=PATIENCE_MS, polling=100
        )
        failure = page.get_by_test_id("stException")
        if failure.count():
            raise SystemExit(f"{page.url} failed: {failure.first.inner_text()}")
        server_cpu, browser_cpu = (
            # Processes may have ended meanwhile.
            sum(seconds - before.get(pid, 0.0) for pid, seconds in cpu(process).items())
            for process, before in zip(self._processes, self._cpu, strict=True)
        )
        return Visit(
            seconds=(page.evaluate("() => window.incompleteUntil") - self._start) / 1000,
            title=page.evaluate("() => window.titledAt") / 1000,
            server_cpu=server_cpu,
            browser_cpu=browser_cpu,
            main_thread=self._main_thread_time() - self._main_thread,
        )


def cpu(process: psutil.Process) -> dict[int, float]:
    """Return the processor time of a process and of each of its children, s, by process id."""
    seconds = {}
    for each in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            seconds[each.pid] = times.user + times.system
    return seconds


def summary(visits: Sequence[Visit]) -> dict[str, float]:
    """Return median and 95th percentile of the seconds, and the median processor times."""
    seconds = [visit.seconds for visit in visits]
    high = (
        statistics.quantiles(seconds, n=20, method="inclusive")[-1] if seconds[1:] else seconds[0]
    )
    numbers = {
        "p50": statistics.median(seconds),
        "p95": high,
        "server_cpu": statistics.median(visit.server_cpu for visit in visits),
        "browser_cpu": statistics.median(visit.browser_cpu for visit in visits),
    }
    return {name: round(number, 3) for name, number in numbers.items()}


def measure(pages: Sequence[str], repeats: int, rest: float) -> dict[str, object]:
    """Visit all pages and stock's in turns, and return what goes into the line of JSON."""
    ours: dict[str, dict[str, list[Visit]]] = {name: {} for name in pages}
    stock: dict[str, list[Visit]] = {}
    memory = {"ours": 0.0, "stock": 0.0}
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "stock.py"
        script.write_text(STOCK, encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        children = psutil.Process().children(recursive=True)
        process = next(child for child in children if "chrom" in child.name().lower())
        for repeat in range(repeats):
            for name in pages:
                for side, kept, arguments in (
                    ("ours", ours[name], (ROOT / "app.py", PAGES[name])),
                    ("stock", stock, (script, "")),
                ):
                    visits, peak = visit_all(browser, *arguments, process, rest)
                    memory[side] = max(memory[side], peak)
                    for kind, visit in visits.items():
                        kept.setdefault(kind, []).append(visit)
                    took = ", ".join(
                        f"{kind} {each.seconds:.2f} s" for kind, each in visits.items()
                    )
                    sys.stderr.write(f"{repeat + 1} {name} {side}: {took}\n")
        browser.close()
    kinds = ("first", "second")
    both = {
        "ours": [v.seconds for page in ours.values() for kind in kinds for v in page[kind]],
        "stock": [v.seconds for kind in kinds for v in stock[kind]],
    }
    medians = {side: statistics.median(seconds) for side, seconds in both.items()}
    return {
        "name": "page_load",
        "ratio": round(medians["stock"] / medians["ours"], 2),
        "per": "visit",
        **{side: round(seconds, 3) for side, seconds in medians.items()},
        **{f"peak_memory_{side}_mb": round(peak, 1) for side, peak in memory.items()},
        "threads": os.cpu_count(),
        "device": "cpu",
        "repeats": repeats,
        "rest": rest,
        "load": round(os.getloadavg()[0], 1),
        "pages": {
            name: {kind: summary(visits) for kind, visits in page.items()}
            for name, page in ours.items()
        },
        "stock_page": {kind: summary(visits) for kind, visits in stock.items()},
    }


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print one line of JSON."""
    parser = argparse.ArgumentParser(description="page_load against a bare Streamlit page")
    parser.add_argument("--pages", nargs="+", choices=list(PAGES), default=list(PAGES))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rest", type=float, default=0.0, help="seconds before a first visit")
    parser.add_argument("--small", action="store_true", help="only see that it works")
    options = parser.parse_args(words)
    if options.small:
        options.pages, options.repeats = ["overview"], 1
    if CHROMIUM is None:
        sys.stderr.write("page_load: Chromium is missing; install it to measure pages.\n")
        return
    sys.stdout.write(f"{json.dumps(measure(options.pages, options.repeats, options.rest))}\n")


if __name__ == "__main__":
    main()
