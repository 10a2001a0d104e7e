"""Hostile files by the commands a user would give: `python -m tests.fuzz.hostile [FOLDER]`.

Those of a folder, and those made here, which are too large to keep. Meanwhile another session
reruns a page of a running server. Prints a row for each: exit status, seconds, processor time and
peak memory of all processes of the command together, the slowest rerun, and what was said. A
finding is another status than 0 or 2, a refusal that is not one line or takes more than ten seconds
of processor time (on a busy machine the others say little), more than a gigabyte, and a page that
shows an exception.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import torch

from benchmarks.harness.session import Session
from core.home import EMBEDDED_DIR
from tests.browser.conftest import Lab
from tests.fuzz.examples import model_examples, structure_examples

MOST_SECONDS, MOST_MB = 10.0, 1000.0
_LIMIT = 120.0
_GIGABYTES = 3
_FRAMES = "mp-frames-r2scan"
_QUERIES = (
    "energy_shifts?view=", "atomref?view=", "atomref?fit=", "importance?explained=",
    "importance?shown=", "importance?which=", "runs", "data",
)  # fmt: skip
"""Addresses of pages with empty values, and those that list everything."""


class Reader(threading.Thread):
    """A session that reruns a page until it is told to stop."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url, self.slowest, self.enough = url, 0.0, False

    def run(self) -> None:
        """Rerun the page, and remember the slowest time since somebody looked."""
        with Session(self.url, "energy_shifts") as session:
            while not self.enough:
                begin = time.monotonic()
                session.run()
                self.slowest = max(self.slowest, time.monotonic() - begin)
                time.sleep(0.1)


def made(folder: Path) -> None:
    """Write what is too large to keep, and checkpoints that do not hold a model."""
    for name, head, line in (
        ("line", b"material_id,formula,energy_pbe,energy_r2scan\n", b"a"),
        ("rows", b"material_id,formula,energy_pbe,energy_r2scan\n", b"m,NaCl,-3.1,-5.2\n"),
    ):
        parts = [zlib.compressobj(1, wbits=31) for _ in range(2)]
        texts = (head, line * ((1 << 26) // len(line)))
        start, rest = (p.compress(text) + p.flush() for p, text in zip(parts, texts, strict=True))
        (folder / f"{name}.csv.gz").write_bytes(start + rest * (_GIGABYTES << 4))
    for n in (100_000, 1_000_000):
        names = ",".join(f"c{number}" for number in range(n))
        (folder / f"header_{n}.csv").write_text(f"{names}\n{',' * (n - 1)}\n")
    cell = "x\n0.2\n1 0 0\n0 1 0\n0 0 1\nNa\n40\nDirect\n" + "0.1 0.2 0.3\n" * 40
    (folder / "POSCAR_cell").write_text(cell)
    archive = zipfile.ZipFile(folder / "zeros.pth.tar", "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with archive, archive.open("archive/data.pkl", "w", force_zip64=True) as file:
        for _ in range(_GIGABYTES << 6):
            file.write(bytes(1 << 24))
    (name, whole), *_ = model_examples().items()
    (folder / "cut.pth.tar").write_bytes(whole[: len(whole) // 2])
    (folder / name).write_bytes(whole)
    model = torch.load(folder / name, weights_only=True)
    arguments = model["model"]["model_args"]
    for kind, changes in {
        "number": {"composition_model": 5},
        "empty": {"composition_model": ""},
        "self": {"self": 1},
    }.items():
        changed = {**model["model"], "model_args": arguments | changes}
        torch.save({**model, "model": changed}, folder / f"args_{kind}.pth.tar")
    weights = {**model["model"], "state_dict": {**model["model"]["state_dict"], 1: torch.zeros(1)}}
    torch.save({**model, "model": weights}, folder / "key.pth.tar")
    for extra in (7, [1]):
        torch.save({**model, "extra": extra}, folder / f"extra_{type(extra).__name__}.pth.tar")
    (folder / name).unlink()


def commands(path: Path, home: Path) -> Iterator[tuple[str, ...]]:
    """Yield the commands that a file is given to."""
    name = path.name
    if name.startswith("ar_"):
        yield ("atomrefs", "save", path.stem, str(path), "--functional", "r2SCAN")
        yield ("atomrefs", "show", path.stem)
        out = home / f"{path.stem}.pth.tar"
        yield ("atomrefs", "export", path.stem, "--model", "chgnet-0.3.0", "--out", str(out))
    elif name.endswith(".pth.tar"):
        (salt := home / "POSCAR").write_bytes(structure_examples()["POSCAR"])
        yield ("predict", "--model", str(path), str(salt))
    elif name.endswith(".arrow"):
        shutil.copytree(EMBEDDED_DIR / _FRAMES, home / "datasets" / "damaged")
        shutil.copy(path, min((home / "datasets" / "damaged").glob("*.arrow")))
        yield ("atomref", "damaged")
    elif path.suffix in {".csv", ".gz", ".parquet"}:
        mapped = ("--map", "structure=structure") if name.startswith("pq_structure") else ()
        yield ("import", str(path), "--name", f"{path.stem}-f", "--functional", "r2SCAN", *mapped)
        if not mapped:
            yield ("import", str(path), "--name", f"{path.stem}-p")
    else:
        yield ("predict", "--model", "chgnet-0.3.0", str(path))


def execute(words: Sequence[str]) -> tuple[int, float, float, float, list[str]]:
    """Execute a command; return its status, seconds, processor time, peak MB, lines on stderr."""
    begin, peak, spent = time.monotonic(), 0.0, 0.0
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        process = psutil.Popen(
            [sys.executable, "-m", "core", *words], stdout=subprocess.DEVNULL, stderr=said
        )
        while process.poll() is None:
            family = [process]
            try:
                family += process.children(recursive=True)
                peak = max(peak, sum(one.memory_info().rss for one in family) / 1e6)
                # Children count with their parent once they have ended.
                spent = max(spent, sum(sum(one.cpu_times()[:4]) for one in family))
            except psutil.NoSuchProcess:
                continue
            if time.monotonic() - begin > _LIMIT:
                for one in reversed(family):
                    one.kill()
            time.sleep(0.02)
        said.seek(0)
        lines = said.read().splitlines()
    return process.returncode, time.monotonic() - begin, spent, peak, lines


def main(words: Sequence[str] | None = None) -> int:
    """Give everything to the lab, print the table, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, help="a folder of hostile files")
    parser.add_argument("--only", default="*", help="pattern of the names of files")
    options = parser.parse_args(words)
    n_found = 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = Path(folder) / "home"
        (inputs := Path(folder) / "inputs").mkdir()
        home.mkdir()
        os.environ["ATOMREF_LAB_HOME"] = str(home)
        made(inputs)
        kept = sorted(options.folder.iterdir()) if options.folder else []
        files = [*(one for one in kept if one.suffix != ".md"), *sorted(inputs.iterdir())]
        files = [one for one in files if one.match(options.only)]
        lab = Lab(home)
        say(
            "| finding | file | status | s | CPU s | MB | slowest rerun, s | said |\n"
            + "|---" * 8
            + "|"
        )
        lab.start()
        reader = Reader(lab.url)
        reader.start()
        for path in files:
            for command in commands(path, home):
                reader.slowest = 0.0
                status, seconds, spent, peak, lines = execute(command)
                bad = status not in {0, 2} or peak > MOST_MB
                bad = bad or (status == 2 and (len(lines) != 1 or spent > MOST_SECONDS))
                n_found += bad
                text = (lines or [""])[-1][:160].replace("|", "/")
                say(f"| {'!' if bad else ''} | {command[0]} {path.name} | {status} | {seconds:.1f} "
                    f"| {spent:.1f} "
                    f"| {peak:.0f} | {reader.slowest:.2f} | {text} |")  # fmt: skip
        for address in _QUERIES:
            page, _, query = address.partition("?")
            with Session(lab.url, page, query) as session:
                answer = session.run()
            n_found += bool(answer.errors)
            say(f"| {'!' if answer.errors else ''} | {address} | | {answer.settled:.1f} | | | "
                f"| {' '.join(answer.errors)} |")  # fmt: skip
        reader.enough = True
        reader.join()
        lab.stop()
    say(f"{n_found} findings")
    return 1 if n_found else 0


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
