"""Coverage of the 95 % intervals of scaling laws on generated sweeps of known laws.

    python benchmarks/interval_coverage.py [--sweeps 1000] [--floor-sweeps 120]

Prints, by kind of sweep, the shares of sweeps whose intervals contain the true exponent, and the
true curve at the largest size and at four times that. Nothing is compared with a peer.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.scaling.generated_points import (
    FLOOR_KINDS,
    POWER_KINDS,
    floor_coverage,
    power_coverage,
)


def main(words: list[str] | None = None) -> None:
    """Measure and print one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sweeps", type=int, default=1000)
    parser.add_argument("--floor-sweeps", type=int, default=120)
    options = parser.parse_args(words)
    shares = {
        "power": {
            name: power_coverage(name, sweeps=options.sweeps).tolist() for name in POWER_KINDS
        },
        "offset": {
            name: floor_coverage(name, sweeps=options.floor_sweeps).tolist() for name in FLOOR_KINDS
        },
    }
    line = {"name": "interval_coverage", **vars(options), "coverage": shares}
    sys.stdout.write(f"{json.dumps(line)}\n")


if __name__ == "__main__":
    main()
