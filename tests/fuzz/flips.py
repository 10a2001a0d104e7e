"""Flip single bits of what the lab stores: `python -m tests.fuzz.flips --flips 1000`.

Shards, graph stores, checkpoints and results are made, each flipped bit by bit at random places and
read again. A flip has to be told in a sentence, or the reader has to make what it reads anew or
find it as it was (a bit that nobody reads); other content is silent damage. Prints one line of
JSON. Of the words of a card, which people may edit, `datasets verify` tells.
"""

import argparse
import json
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core import sealed
from core.errors import LabError
from core.frames import checksums
from core.frames.schema import Card
from core.frames.store import open_frames, write_frames
from core.frames.verifying import verify
from core.potential.graphs import store
from core.potential.models import load_model, read_extra, save_model
from core.studies.results import load_result, save_result
from core.training.scoring.error_rows import ErrorRows
from tests.soak.__main__ import frames


@dataclass
class Values:
    """A result as studies keep them."""

    name: str
    energies: np.ndarray


Reader = Callable[[], Any]

_SOUND = {"told", "made anew", "as it was"}


def things(folder: Path) -> Iterator[tuple[str, list[Path], Reader]]:
    """Make what is stored, and yield the kind, its files and what reads them."""
    data = folder / "set"
    write_frames(data, Card(name="set", kind="frames", functional="x"), frames(), shard_size=8)
    files = sorted(data.iterdir())
    yield "shards", files, lambda: read_frames(data)
    opened = open_frames(data)
    rows = np.arange(len(opened))
    store.IN_MEMORY = 1
    store.find_graphs(opened, rows)
    path = store.store_path(opened)

    def graphs() -> list[Any]:
        table, places = store.find_graphs(opened, rows)
        return [table.graph(int(place), opened.frame(row)) for row, place in enumerate(places)]

    yield "graph stores", sorted(file for file in path.iterdir() if file.is_file()), graphs
    model = folder / "model.pth.tar"
    save_model(model, load_model("chgnet-0.3.0"), {"functional": "x"})
    yield "checkpoints", [model], lambda: read_model(model)
    result = folder / "result.npz"
    save_result(result, Values("x", np.arange(200.0)))
    yield "results", [result], lambda: load_result(result, Values)
    errors = folder / "errors.npz"
    ErrorRows(fingerprint="x", rows=rows, sums=np.ones((len(rows), 9))).save(errors)
    yield "errors of frames", [errors], lambda: ErrorRows.load(errors)


def read_frames(path: Path) -> list[Any]:
    """Return all that a data set holds."""
    data = open_frames(path)
    if remark := verify(path).remark:
        raise LabError(remark)
    return [data.card.model_dump(mode="json"), *data.frames(range(len(data)))]


def read_model(path: Path) -> list[Any]:
    """Return the weights and what stands beside them."""
    state = load_model(path).state_dict()
    return [read_extra(path), *(value.numpy() for value in state.values())]


def plain(content: Any) -> Any:
    """Return content in a form that can be compared."""
    if isinstance(content, np.ndarray):
        return content.shape, content.tobytes()
    if isinstance(content, list | tuple):
        return [plain(one) for one in content]
    if hasattr(content, "__dataclass_fields__"):
        return [plain(one) for one in astuple(content)]
    return repr(content)


def flip(path: Path, read: Reader, right: Any, chance: random.Random) -> str:
    """Flip one bit of a file, read it, put it back, and return what came of it."""
    whole = path.read_bytes()
    changed = bytearray(whole)
    changed[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
    path.unlink()  # what a process has mapped stays as it was
    path.write_bytes(changed)
    checksums._SOUND.clear()
    sealed._SOUND.clear()
    try:
        came = plain(read())
        is_new = path.read_bytes() != changed
    except LabError:
        return "told"
    except Exception as error:  # noqa: BLE001  the finding
        return f"{type(error).__name__} instead of a sentence"
    finally:
        path.unlink()
        path.write_bytes(whole)
    if came != right:
        return "silent"
    return "made anew" if is_new else "as it was"


def main() -> int:
    """Flip bits of every kind of file, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flips", type=int, default=1000, help="of all kinds together")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    chance = random.Random(options.seed)  # noqa: S311  no secrets
    found: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ATOMREF_LAB_HOME"] = str(Path(folder) / "home")
        made = list(things(Path(folder)))
        for kind, paths, read in made:
            right = plain(read())
            for _ in range(options.flips // len(made)):
                path = chance.choice(paths)
                outcome = flip(path, read, right, chance)
                found.setdefault(kind, Counter())[outcome] += 1
                if outcome not in _SOUND:
                    sys.stderr.write(f"{kind}: {path.name}: {outcome}\n")
            sys.stderr.write(f"{kind}: {dict(found[kind])}\n")
    sys.stdout.write(f"{json.dumps({'name': 'flips', **found})}\n")
    return 1 if any({*counts} - _SOUND for counts in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
