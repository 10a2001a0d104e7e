"""Hulls of many chemical systems: core.stability against pymatgen's PatchedPhaseDiagram.

    python benchmarks/hulls.py [--phases 5000] [--repeats 3] [--large 100000]

Ours gives formation energies, energies above the hull, decomposition energies and the mixtures
that these refer to. Stock is given ready entries and gives energies above the hull alone: its
decomposition energies of stable phases take an optimisation each. Arms take turns, each in a
process of its own, by processor time, on generated phases of 24 elements (2 to 4 in each) and on
the embedded structures with their energies by chgnet-r2scan. --large is ours alone. Prints one
line of JSON.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from pymatgen.analysis.phase_diagram import PatchedPhaseDiagram, PDEntry
from pymatgen.core import Composition

from core.elements import N_ELEMENTS, SYMBOLS
from core.frames.registry import open_dataset
from core.stability.hulls import hulls
from core.stability.phases import EnergySource, Phases, phases_of

EMBEDDED = "embedded"
_ELEMENTS = 24
_FIRST = 2


def generated(n: int) -> Phases:
    """Return phases of random composition, with the pure elements."""
    rng = np.random.default_rng(0)
    columns = np.arange(_FIRST, _FIRST + _ELEMENTS)
    fractions = np.zeros((_ELEMENTS + n, N_ELEMENTS))
    fractions[range(_ELEMENTS), columns] = 1
    energies = np.zeros(len(fractions))
    for i in range(_ELEMENTS, len(fractions)):
        k = rng.choice([2, 3, 4], p=[0.2, 0.6, 0.2])
        amounts = rng.integers(1, 5, k)
        fractions[i, rng.choice(columns, k, replace=False)] = amounts / amounts.sum()
        energies[i] = -rng.exponential(0.5)
    source = EnergySource(functional="PBE", corrections="none")
    return Phases.of(np.full(len(fractions), ""), fractions, energies, source)


def embedded() -> Phases:
    """Return the embedded structures whose elements are among them."""
    phases = phases_of(open_dataset("mp-structures"), "energy_r2scan_chgnet")
    return phases.take(hulls(phases).left_out == "")


def ours(phases: Phases) -> Callable[[], np.ndarray]:
    """Return what computes the energies above the hull, and all else, with the lab."""
    return lambda: hulls(phases).above_hull


def stock(phases: Phases) -> Callable[[], np.ndarray]:
    """Return what computes the energies above the hull with pymatgen."""
    entries = [
        PDEntry(Composition({SYMBOLS[z]: x[z] for z in np.flatnonzero(x)}), energy)
        for x, energy in zip(phases.fractions, phases.energies, strict=True)
    ]

    def compute() -> np.ndarray:
        diagram = PatchedPhaseDiagram(entries)
        return np.array([diagram.get_e_above_hull(entry) for entry in entries])

    return compute


ARMS = {"ours": ours, "stock": stock}


def turn(arm: str, what: str) -> dict[str, Any]:
    """Compute once in this process."""
    phases = embedded() if what == EMBEDDED else generated(int(what))
    compute = ARMS[arm](phases)
    start = time.process_time()
    above = compute()
    return {
        "seconds": time.process_time() - start,
        "phases": len(phases),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000),
        "above": above.tolist(),
    }


def apart(arm: str, what: str) -> dict[str, Any]:
    """Compute once in a process of its own."""
    words = [sys.executable, __file__, "--only", arm, "--of", what]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def compare(what: str, repeats: int, run: Callable[[str, str], dict[str, Any]]) -> dict[str, Any]:
    """Let both arms take turns."""
    turns: dict[str, list[dict[str, Any]]] = {arm: [] for arm in ARMS}
    for _ in range(repeats):
        for arm, each in turns.items():
            each.append(run(arm, what))
    ours_, stock_ = (min(each["seconds"] for each in turns[arm]) for arm in ("ours", "stock"))
    above = [np.array(turns[arm][0]["above"]) for arm in ("ours", "stock")]
    return {
        "ratio": round(stock_ / ours_, 1),
        "ours": round(ours_, 3),
        "stock": round(stock_, 2),
        "phases": turns["ours"][0]["phases"],
        "largest_difference": float(np.abs(above[0] - above[1]).max()),
        **{
            f"peak_memory_{arm}_mb": max(each["peak_memory_mb"] for each in turns[arm])
            for arm in ARMS
        },
    }


def main(words: list[str] | None = None) -> None:
    """Measure and print one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--phases", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--large", type=int, default=100_000)
    parser.add_argument("--small", action="store_true", help="only see that it works")
    parser.add_argument("--only", choices=list(ARMS), help=argparse.SUPPRESS)
    parser.add_argument("--of", default=EMBEDDED, help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.only:
        line = turn(options.only, options.of)
    elif options.small:
        line = {"name": "hulls", **compare("60", 1, turn), "threads": 1, "device": "cpu"}
    else:
        line = {
            "name": "hulls",
            **compare(str(options.phases), options.repeats, apart),
            "threads": 1,
            "device": "cpu",
            EMBEDDED: compare(EMBEDDED, options.repeats, apart),
        }
        large = apart("ours", str(options.large))
        line["large"] = {key: large[key] for key in ("phases", "seconds", "peak_memory_mb")}
    sys.stdout.write(f"{json.dumps(line)}\n")


if __name__ == "__main__":
    main()
