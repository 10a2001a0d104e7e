"""How long readers wait when many of them come at once, while a run trains.

    python benchmarks/many_sessions.py [--clients 10 30 100] [--browsers 1 10] [--servers 1]

Each number is a server of its own (or several, over one home) on an empty home, of which so many
readers open one page each in the same moment, then run it again after a pause, as often as
`--reruns`. Clients speak Streamlit's protocol; browsers are tabs of one Chromium, each with a cache
of its own. "First" is the first element on the page, "settled" the end of its script, and in a
browser the drawn page. A table on stderr and the line say the processor time and memory of the
servers per session, what went wrong, and the cold start: from the start of the server to the first
page. The ratio is that of three seconds to the 95th percentile of ten settled clients. Seconds are
worth something on an idle machine only, where all numbers together take about seven minutes.
"""

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psutil
from playwright.sync_api import sync_playwright

from benchmarks.harness.session import Session
from benchmarks.page_load import cpu
from core.runs.process import local
from core.runs.record.directory import Run
from core.training.settings.config import RunConfig
from tests.browser.conftest import CHROMIUM, FLAGS, ROOT, Lab

PAGES = ("", "energy_shifts", "atomref", "importance", "data", "runs", "transfer", "scaling")
"""The pages that readers open, in turns."""

GOAL = 3.0
"""Seconds in which ten readers shall have their page."""

_PAUSES = (1.0, 3.0)
_QUIET = "() => !document.querySelector('[data-test-script-state=\"running\"]')"


@dataclass
class Seen:
    """What readers saw, in seconds; several threads append."""

    first: list[float] = field(default_factory=list)
    settled: list[float] = field(default_factory=list)
    rerun: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def measure(n: int, options: argparse.Namespace, visit: Callable[..., None]) -> dict[str, Any]:
    """Let readers open their pages on new servers, and return what goes into the line of JSON."""
    seen = Seen()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, ExitStack() as stack:
        begin = time.monotonic()
        labs = [stack.enter_context(started(Path(home))) for _ in range(options.servers)]
        with Session(labs[0].url) as one:
            seen.errors += one.run().errors
        cold = time.monotonic() - begin
        run = None if options.no_run else stack.enter_context(training(Path(home)))
        servers = [psutil.Process(lab.process.pid) for lab in labs]
        memory, spent = sum(map(resident, servers)), sum(sum(cpu(one).values()) for one in servers)
        visit(n, [lab.url for lab in labs], options, seen)
        spent = sum(sum(cpu(one).values()) for one in servers) - spent
        grown = sum(map(resident, servers)) - memory
        if run is not None and not run.status().is_active:
            raise SystemExit(f"the run ended too early: {run.status().message}")
    return {
        "cold_start_s": round(cold, 2),
        "first": quantiles(seen.first),
        "settled": quantiles(seen.settled),
        "rerun": quantiles(seen.rerun),
        "server_cpu_s_per_session": round(spent / n, 2),
        "memory_mb_per_session": round(grown / n / 1e6, 1),
        "errors": sorted(set(seen.errors)),
    }


def protocol_clients(n: int, urls: Sequence[str], options: argparse.Namespace, seen: Seen) -> None:
    """Open so many sessions at once, each in a thread."""
    together = threading.Barrier(n)

    def read(number: int) -> None:
        chance = random.Random(number)  # noqa: S311  no secrets
        try:
            with Session(urls[number % len(urls)], PAGES[number % len(PAGES)]) as session:
                together.wait()
                answers = [session.run()]
                for _ in range(options.reruns):
                    time.sleep(chance.uniform(*_PAUSES))
                    answers.append(session.run())
        except (OSError, TimeoutError, threading.BrokenBarrierError) as error:
            together.abort()
            seen.errors.append(f"{type(error).__name__}: {error}")
            return
        seen.first.append(answers[0].first)
        seen.settled.append(answers[0].settled)
        seen.rerun += [answer.settled for answer in answers[1:]]
        seen.errors += [error for answer in answers for error in answer.errors]

    threads = [threading.Thread(target=read, args=(number,)) for number in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def browsers(n: int, urls: Sequence[str], options: argparse.Namespace, seen: Seen) -> None:
    """Open so many tabs at once."""
    with sync_playwright() as playwright, ExitStack() as stack:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        stack.enter_context(closing(chromium))
        tabs = [stack.enter_context(closing(chromium.new_context())).new_page() for _ in range(n)]
        begin = time.monotonic()
        for number, tab in enumerate(tabs):
            tab.goto(
                f"{urls[number % len(urls)]}/{PAGES[number % len(PAGES)]}", wait_until="commit"
            )
        seen.first += drawn(tabs, begin, "h1")
        seen.settled += drawn(tabs, begin, '[data-test-script-state="notRunning"] h1')
        for _ in range(options.reruns):
            for tab in tabs:
                begin = time.monotonic()
                tab.keyboard.press("r")
                tab.wait_for_timeout(50)
                tab.wait_for_function(_QUIET, timeout=120_000)
                seen.rerun.append(time.monotonic() - begin)
        for tab in tabs:
            seen.errors += tab.get_by_test_id("stException").all_inner_texts()


def drawn(tabs: Sequence[object], begin: float, selector: str) -> list[float]:
    """Return when each tab shows what a selector finds, in seconds since the beginning."""
    left, times = list(tabs), []
    while left:
        if time.monotonic() - begin > 300:
            raise SystemExit(f"{len(left)} of {len(tabs)} tabs do not show {selector}")
        waiting = [tab for tab in left if not tab.query_selector(selector)]  # type: ignore[attr-defined]
        times += [time.monotonic() - begin] * (len(left) - len(waiting))
        left = waiting
        tabs[0].wait_for_timeout(20)  # type: ignore[attr-defined]
    return times


@contextmanager
def started(home: Path) -> Iterator[Lab]:
    """Run a server over a home."""
    lab = Lab(home, ROOT / "app.py")
    lab.start()
    try:
        yield lab
    finally:
        lab.stop()


@contextmanager
def training(home: Path) -> Iterator[Run]:
    """Let a run train.

    It is too short to compile its step, which would take minutes before the first one, and still
    takes a quarter of an hour.
    """
    os.environ["ATOMREF_LAB_HOME"] = str(home)
    small = {"method": "trainable", "frames": 32, "batch_size": 8, "epochs": 400, "threads": 1}
    run = local.create(RunConfig.parse({"dataset": "mp-frames-r2scan", **small}))
    local.launch(run)
    try:
        while run.status().is_active and run.status().step == 0:
            time.sleep(0.2)
        if not run.status().is_active:
            raise SystemExit(f"the run does not train: {run.status().message}")
        yield run
    finally:
        local.cancel(run)
        while run.status().is_active:
            time.sleep(0.1)


def resident(process: psutil.Process) -> int:
    """Return the memory of a process and its children, in bytes."""
    return sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))


def quantiles(seconds: Sequence[float]) -> dict[str, float]:
    """Return median and 95th percentile."""
    if len(seconds) < 2:
        return {"p50": round(seconds[0], 3), "p95": round(seconds[0], 3)} if seconds else {}
    high = statistics.quantiles(seconds, n=20, method="inclusive")[-1]
    return {"p50": round(statistics.median(seconds), 3), "p95": round(high, 3)}


def table(found: Mapping[str, dict[str, Any]]) -> str:
    """Return what was measured as a table: seconds as median / 95th percentile, MB and errors."""
    lines = ["| readers | first | settled | rerun | CPU s per session | MB per session | errors |"]
    lines.append("|---" * 7 + "|")
    for name, one in found.items():
        times = (one[key] for key in ("first", "settled", "rerun"))
        cells = [" / ".join(f"{value:.2f}" for value in some.values()) for some in times]
        cells += [one["server_cpu_s_per_session"], one["memory_mb_per_session"], len(one["errors"])]
        lines.append("| " + " | ".join(map(str, (name, *cells))) + " |")
    return "\n".join(lines) + "\n"


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print one line of JSON."""
    parser = argparse.ArgumentParser(description="many sessions at once")
    parser.add_argument("--clients", nargs="*", type=int, default=[10, 30, 100])
    parser.add_argument("--browsers", nargs="*", type=int, default=[1, 10])
    parser.add_argument("--servers", type=int, default=1, help="servers over one home")
    parser.add_argument("--reruns", type=int, default=3)
    parser.add_argument("--no-run", action="store_true", help="nothing trains meanwhile")
    parser.add_argument("--small", action="store_true", help="only see that it works")
    options = parser.parse_args(words)
    if options.small:
        options.clients, options.browsers, options.reruns, options.no_run = [2], [], 1, True
    if CHROMIUM is None:
        options.browsers = []
    found: dict[str, dict[str, Any]] = {}
    for kind, numbers, visit in (
        ("clients", options.clients, protocol_clients),
        ("browsers", options.browsers, browsers),
    ):
        for n in numbers:
            found[f"{n} {kind}"] = result = measure(n, options, visit)
            sys.stderr.write(f"{n} {kind}: {json.dumps(result)}\n")
    settled = next(iter(found.values()))["settled"] if found else {}
    line = {
        "name": "many_sessions",
        "ratio": round(GOAL / settled["p95"], 2) if settled else None,
        "per": "goal",
        "ours": settled.get("p95"),
        "stock": GOAL,
        "threads": os.cpu_count(),
        "device": "cpu",
        "servers": options.servers,
        "load": round(os.getloadavg()[0], 1),
        **found,
    }
    sys.stderr.write(table(found))
    sys.stdout.write(f"{json.dumps(line)}\n")


if __name__ == "__main__":
    main()
