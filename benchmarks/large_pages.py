"""How long a reader waits for pages about data sets of many frames, in a real Chromium.

    python benchmarks/large_dataset.py --frames 240000 --functional r2SCAN --home DIRECTORY
    python benchmarks/large_dataset.py --frames 240000 --functional PBE --home DIRECTORY
    python benchmarks/large_pages.py --home DIRECTORY --frames 240000 [--only data atomref]

"Stock" is the least page of Streamlit with one figure, as in page_load. Each page is opened until
its results are cached, then in a new tab of the same browser: its title is the first paint.
Filters of the Data page are changed on the open page. Prints one line of JSON with seconds,
processor time of the server, of the browser and of the page's own thread, and the server's
memory: its own, and that of the pages of mapped files, which the system takes back when it needs
them (Linux only). Without --home it measures nothing.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psutil
from page_load import _WATCH, PATIENCE_MS, STOCK, Stopwatch, Visit, started
from playwright.sync_api import BrowserContext, Page, sync_playwright

from tests.browser.conftest import CHROMIUM, FLAGS, Lab


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
        "scaling: next": f"scaling?view=What+to+compute+next&dataset={source}&pool={target}",
        "stability": f"stability?dataset={target}",
        "compare": f"compare?dataset={target}",
        "predict": "predict",
        "lesson": "lesson",
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


def visit(context: BrowserContext, lab: Lab, address: str, process: psutil.Process) -> Visit:
    """Return what it takes until a page in a new tab is complete."""
    with closing(context.new_page()) as page:
        stopwatch = Stopwatch(page, psutil.Process(lab.process.pid), process)
        page.goto(f"{lab.url}/{address}")
        return stopwatch.completed()


def filtered(
    context: BrowserContext, lab: Lab, address: str, process: psutil.Process
) -> dict[str, dict[str, float]]:
    """Return what each filter of the Data page takes."""
    found = {}
    with closing(context.new_page()) as page:
        server = psutil.Process(lab.process.pid)
        stopwatch = Stopwatch(page, server, process)
        page.goto(f"{lab.url}/{address}")
        stopwatch.completed()
        for name, change in FILTERS.items():
            stopwatch = Stopwatch(page, server, process)
            change(page)
            found[name] = numbers(stopwatch.completed())
            del found[name]["title"]
    return found


def numbers(one: Visit) -> dict[str, float]:
    """Return seconds by the clock, which other work delays, and processor time."""
    return {
        "seconds": round(one.seconds, 2),
        "title": round(one.title, 2),
        "server_cpu": round(one.server_cpu, 2),
        "browser_cpu": round(one.browser_cpu, 2),
        "main_thread": round(one.main_thread, 2),
    }


def memory(lab: Lab) -> dict[str, float]:
    """Return the server's memory in MB: its own, and that of pages of mapped files."""
    lines = Path(f"/proc/{lab.process.pid}/status").read_text(encoding="utf-8").splitlines()
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines if line[:3] == "Rss"}
    return {
        "own_mb": round(kilobytes["RssAnon"] / 1000),
        "mapped_mb": round(kilobytes["RssFile"] / 1000),
    }


def measure(home: Path, n: int, only: Sequence[str], repeats: int) -> dict[str, object]:
    """Visit all pages of a dashboard on a lab home."""
    source, target = f"synthetic-{n}-pbe", f"synthetic-{n}-r2scan"
    addresses = {
        name: address
        for name, address in pages(source, target).items()
        if not only or any(name.startswith(word) for word in only)
    }
    line: dict[str, object] = {"name": "large_pages", "frames": n}
    with (
        sync_playwright() as playwright,
        tempfile.TemporaryDirectory() as folder,
        started(Lab(home)) as lab,
    ):
        script = Path(folder) / "stock.py"
        script.write_text(STOCK, encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        children = psutil.Process().children(recursive=True)
        process = next(child for child in children if "chrom" in child.name().lower())
        context = browser.new_context(viewport={"width": 1440, "height": 1000})
        context.add_init_script(_WATCH)
        context.set_default_timeout(PATIENCE_MS)
        with started(Lab(Path(folder), script)) as stock:
            visits = [visit(context, stock, "", process) for _ in range(repeats + 1)]
        line["stock"] = numbers(min(visits[1:], key=lambda one: one.seconds))
        sys.stderr.write(f"stock: {line['stock']}\n")
        seconds = {}
        for name, address in addresses.items():
            visits = [visit(context, lab, address, process) for _ in range(repeats + 1)]
            seconds[name] = {
                "first": numbers(visits[0]),
                "cached": numbers(min(visits[1:], key=lambda one: one.seconds)),
                **memory(lab),
            }
            sys.stderr.write(f"{name}: {seconds[name]}\n")
            if name in {"data: elements", "data: distributions", "data: frames"}:
                seconds[name]["filters"] = filtered(context, lab, address, process)
                sys.stderr.write(f"  {seconds[name]['filters']}\n")
        line["load"] = round(os.getloadavg()[0], 1)
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
