"""Fuzz the readers: `make fuzz`, or `python -m tests.fuzz --seconds 1200 --reader json`.

Each case is a damaged example, read in a process that is watched as for an upload. A finding is an
exception that is no sentence, a sentence that only repeats a library's words, a process that ends,
or more than ten seconds; one file of each is saved below `.cache/fuzz`.
"""

import argparse
import os
import random
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from core.boxed import ask
from core.errors import LabError
from tests.fuzz.examples import Examples
from tests.fuzz.mutators import mutators_for, packed
from tests.fuzz.readers import READERS, Outcome, attempt

FINDINGS = Path(__file__).parents[2] / ".cache" / "fuzz"
MOST_SECONDS = 10.0


def main() -> int:
    """Fuzz the readers that are named and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1200, help="time per reader")
    parser.add_argument("--reader", nargs="*", choices=list(READERS), default=list(READERS))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    FINDINGS.mkdir(parents=True, exist_ok=True)
    os.environ["OMP_NUM_THREADS"] = "1"
    n_found = 0
    for name in options.reader:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["ATOMREF_LAB_HOME"] = str(Path(folder) / "home")
            n_found += fuzz(name, options.seconds, options.seed, Path(folder))
    return 1 if n_found else 0


def fuzz(name: str, seconds: float, seed: int, folder: Path) -> int:
    """Fuzz one reader, and return the number of different findings."""
    examples = READERS[name].examples()
    chance = random.Random(seed)  # noqa: S311  no secrets
    counts: Counter[str] = Counter()
    found: dict[str, str] = {}
    for example, data in examples.items():
        path = folder / example
        path.write_bytes(data)
        if (outcome := read(name, path)).kind == "crash":
            say(f"  {name}: {example} as it is: {outcome.text}")
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        path = folder / f"{counts.total()}-{(example := chance.choice(sorted(examples)))}"
        path.write_bytes(damaged(examples, example, chance))
        outcome = read(name, path)
        if outcome.seconds > MOST_SECONDS:
            outcome = Outcome("slow", f"{outcome.seconds:.0f} s; {outcome.text}")
        counts[outcome.kind] += 1
        if outcome.kind not in {"read", "told"}:
            kind = f"{outcome.kind} {outcome.place or re.sub(r'[0-9]+', 'N', outcome.text)[-60:]}"
            if kind not in found:
                found[kind] = outcome.text
                shutil.copy(path, FINDINGS / f"{name}-{len(found)}-{path.name}")
                say(f"  {name}-{len(found)} {kind}: {outcome.text[:200]}")
        path.unlink()
    cases = ", ".join(f"{count:,} {kind}" for kind, count in sorted(counts.items()))
    say(f"{name}: {counts.total():,} cases ({cases}); {len(found)} findings")
    return len(found)


def damaged(examples: Examples, example: str, chance: random.Random) -> bytes:
    """Return an example with one or two damages."""
    data = examples[example]
    mutators = mutators_for(data)
    for _ in range(chance.choice((1, 1, 1, 2))):
        data = chance.choice(mutators)(data, chance)
    return packed(data, chance)


def read(name: str, path: Path) -> Outcome:
    """Read a file in a process that is watched."""
    try:
        return ask(attempt, name, str(path))
    except LabError as error:
        ended = "reading was ended" in str(error)
        return Outcome("told" if ended else "crash", str(error))


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
