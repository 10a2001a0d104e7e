"""How long a reader waits for pages about data sets of many frames, in a real Chromium.

    python benchmarks/large_dataset.py --frames 240000 --functional r2SCAN --home DIRECTORY
    python benchmarks/large_dataset.py --frames 240000 --functional PBE --home DIRECTORY
    python benchmarks/large_pages.py --home DIRECTORY --frames 240000 [--only data atomref]

Each page is opened until its results are cached, then in a new tab of the same server: that is the
first paint. Filters of the Data page are changed on the open page. Prints one line of JSON with
seconds and the server's memory (private pages; those of the memory-mapped data sets are the
system's to take back). Without --home it measures nothing.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psutil
from page_load import _WATCH, Stopwatch, started
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import CHROMIUM, FLAGS, Lab

_COMPUTE_PATIENCE = 600


def pages(source: str, target: str) -> dict[str, str]:
    """Return the addresses of pages about two data sets of the same frames."""
    both = f"dataset={source}&other={target}"
    return {
        "overview": "",
        "data: list": "data",
        "data: elements": f"data?set={target}",
        "data: distributions": f"data?set={target}&view=Distributions",
        "data: frames": f"data?set={target}&view=Frames",
        "energy_shifts: parity": f"energy_shifts?{both}",
        "energy_shifts: by column": f"energy_shifts?{both}&view=By+column",
        "energy_shifts: by element": f"energy_shifts?{both}&view=By+element",
        "atomref": f"atomref?{both}",
        "atomref: uncertainty": f"atomref?{both}&view=Uncertainty",
        "atomref: influence": f"atomref?{both}&view=Influence",
        "importance": f"importance?{both}",
        "formation": f"formation?dataset={target}",
        "offset": f"offset?dataset={target}",
        "transfer": f"transfer?dataset={target}",
        "experiments": f"experiments?dataset={target}",
        "runs": "runs",
        "scaling": f"scaling?dataset={target}",
        "scaling: plan": f"scaling?view=Plan&dataset={source}&pool={target}",
    }


def choose(page: Page, label: str, text: str) -> None:
    """Type into a box of the page and press Enter."""
    box = page.get_by_label(label, exact=True).first
    box.fill(text)
    box.press("Enter")


FILTERS: dict[str, Callable[[Page], None]] = {
    "all of": lambda page: choose(page, "All of these elements", "O"),
    "none of": lambda page: choose(page, "None of these", "Li"),
    "atoms": lambda page: choose(page, "Atoms, from", "10"),
    "labels": lambda page: choose(page, "Labelled with", "magmom"),
    "system": lambda page: choose(page, "Chemical system", "O-P"),
}


def visit(browser: Browser, lab: Lab, address: str, process: psutil.Process) -> float:
    """Return the seconds until a page in a new tab is complete."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    try:
        context.add_init_script(_WATCH)
        page = context.new_page()
        stopwatch = Stopwatch(page, psutil.Process(lab.process.pid), process)
        page.goto(f"{lab.url}/{address}")
        return stopwatch.completed().seconds
    finally:
        context.close()


def filtered(browser: Browser, lab: Lab, address: str, process: psutil.Process) -> dict[str, float]:
    """Return the seconds that each filter of the Data page takes."""
    found = {}
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    try:
        context.add_init_script(_WATCH)
        page = context.new_page()
        page.goto(f"{lab.url}/{address}")
        server = psutil.Process(lab.process.pid)
        Stopwatch(page, server, process).completed()
        for name, change in FILTERS.items():
            stopwatch = Stopwatch(page, server, process)
            change(page)
            found[name] = round(stopwatch.completed().seconds, 2)
    finally:
        context.close()
    return found


def memory(lab: Lab) -> dict[str, float]:
    """Return the server's memory in MB: its own, and with the pages of mapped files."""
    used = psutil.Process(lab.process.pid).memory_full_info()
    return {"own_mb": round(used.uss / 1e6), "with_mapped_mb": round(used.rss / 1e6)}


def measure(home: Path, n: int, only: Sequence[str], repeats: int) -> dict[str, object]:
    """Visit all pages of a dashboard on a lab home."""
    source, target = f"synthetic-{n}-pbe", f"synthetic-{n}-r2scan"
    addresses = {
        name: address
        for name, address in pages(source, target).items()
        if not only or any(name.startswith(word) for word in only)
    }
    line: dict[str, object] = {"name": "large_pages", "frames": n}
    with sync_playwright() as playwright, started(Lab(home)) as lab:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        children = psutil.Process().children(recursive=True)
        process = next(child for child in children if "chrom" in child.name().lower())
        seconds = {}
        for name, address in addresses.items():
            visits = [visit(browser, lab, address, process) for _ in range(repeats + 1)]
            seconds[name] = {
                "first": round(visits[0], 2),
                "cached": round(min(visits[1:]), 2),
                **memory(lab),
            }
            sys.stderr.write(f"{name}: {seconds[name]}\n")
            if name in {"data: elements", "data: distributions", "data: frames"}:
                seconds[name]["filters"] = filtered(browser, lab, address, process)
                sys.stderr.write(f"  {seconds[name]['filters']}\n")
        line |= {"pages": seconds, "memory": memory(lab)}
        browser.close()
    return line


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print one line of JSON."""
    parser = argparse.ArgumentParser(description="Pages about many frames")
    parser.add_argument("--home", type=Path, help="a lab home with the synthetic data sets")
    parser.add_argument("--frames", type=int, default=240_000)
    parser.add_argument("--only", nargs="+", default=[], help="beginnings of names of pages")
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args(words)
    if options.home is None or CHROMIUM is None:
        sys.stderr.write("large_pages: needs --home with synthetic data sets, and Chromium.\n")
        return
    line = measure(options.home, options.frames, options.only, options.repeats)
    sys.stdout.write(f"{json.dumps(line)}\n")


if __name__ == "__main__":
    main()
