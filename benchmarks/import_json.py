"""Reading a file in the form of MPtrj: the lab's stream of records against json.load and ijson.

    python benchmarks/import_json.py [--megabytes 100] [--repeats 3] [--large GB]

The file is generated: embedded structures, random labels. All three read it to frames with the
structure and the labels as lists or arrays; json.load holds the whole file in memory. --large GB
reads a file of that size, too, ours alone. Prints one line of JSON.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import ijson
from harness.turns import Reader, main

from core.frames.sources.json_files.mptrj import MpTrj
from core.frames.sources.records import Record
from core.progress import silent


def ours(path: Path) -> int:
    """Read with the lab, to records with arrays, as an import does."""
    source = MpTrj(path)
    source.read_keys = frozenset(source.mapping.values())
    return sum(isinstance(record, Record) for record in source.records(silent))


def by_json(path: Path) -> int:
    """Read with the standard library."""
    with path.open("rb") as file:
        return sum(len(frames) for frames in json.load(file).values())


def by_ijson(path: Path) -> int:
    """Read material by material with ijson's C backend."""
    with path.open("rb") as file:
        return sum(len(frames) for _, frames in ijson.kvitems(file, "", use_float=True))


READERS: dict[str, Reader] = {"ours": ours, "stock": by_json, "ijson": by_ijson}


if __name__ == "__main__":
    main(__file__, READERS, None, megabytes=100)
