"""Reading a file in the form of MPtrj: the lab's stream of blocks against json.load and ijson.

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
from core.frames.sources.number_lists import packed
from core.frames.sources.records import Block, Packer
from core.progress import silent

_PACKERS: dict[str, Packer] = {
    "force": lambda value, n: packed(value, (n, 3)),
    "stress": lambda value, _: packed(value, (3, 3)),
    "magmom": lambda value, n: packed(value, (n,)),
}


def ours(path: Path) -> int:
    """Read with the lab, to blocks of structures with the bytes of their arrays, as an import."""
    source = MpTrj(path)
    source.read_keys = frozenset(source.mapping.values())
    blocks = source.blocks(silent, _PACKERS)
    return sum(len(item.members) if isinstance(item, Block) else 1 for item in blocks)


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
