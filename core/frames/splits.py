"""Split into training, validation and test sets by material, and nested training subsets."""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.errors import LabError


@dataclass(kw_only=True, frozen=True, slots=True)
class Split:
    """Row numbers of the three sets, sorted; every row is in exactly one set.

    Attributes:
        train: training rows, (n_train,) integers.
        validation: validation rows, (n_validation,) integers.
        test: test rows, (n_test,) integers.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    def within(self, rows: np.ndarray) -> "Split | None":
        """Return the split of chosen rows, None if one of its sets would be empty.

        Args:
            rows: rows, sorted, (m,) integers; they become rows 0 to m − 1.
        """
        sets = [
            np.flatnonzero(np.isin(rows, part)) for part in (self.train, self.validation, self.test)
        ]
        train, validation, test = sets
        return Split(train=train, validation=validation, test=test) if all(map(len, sets)) else None


def split_by_material(
    material_ids: np.ndarray,
    *,
    seed: int,
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
) -> Split:
    """Split rows so that all frames of a material are in one set.

    Materials are sorted by a hash of id and seed and split by number, so that a material's set
    does not depend on the order of the rows. With three or more materials, no set is empty.

    Args:
        material_ids: material id of each row, (n,) strings.
        seed: seed of the split.
        fractions: shares of the materials in train, validation and test.
    """
    codes, distinct = pd.factorize(np.asarray(material_ids, dtype=object))
    n = len(distinct)
    total = sum(fractions)
    first = int(n * fractions[0] / total + 0.5)
    second = int(n * (fractions[0] + fractions[1]) / total + 0.5)
    if n >= 3 and min(fractions) > 0:
        first = min(max(first, 1), n - 2)
        second = min(max(second, first + 1), n - 1)
    rank = seeded_rank(distinct, f"split {seed}")[codes]
    return Split(
        train=np.flatnonzero(rank < first),
        validation=np.flatnonzero((rank >= first) & (rank < second)),
        test=np.flatnonzero(rank >= second),
    )


def training_subset(
    material_ids: np.ndarray, train_indices: np.ndarray, n_frames: int, *, seed: int
) -> np.ndarray:
    """Choose training frames so that a smaller choice is a subset of a larger one.

    Frames are taken in rounds over the materials, in an order given by the seed: first one frame of
    each material, then a second one, and so on. A small subset thus covers as many materials, and
    as many elements, as possible.

    Args:
        material_ids: material id of each row of the data set, (n,) strings.
        train_indices: rows to choose from, (n_train,).
        n_frames: number of rows to choose.
        seed: seed of the order.

    Returns:
        Row numbers, (n_frames,), sorted.

    Raises:
        LabError: if n_frames is below 1 or above the number of training frames.
    """
    train = np.sort(np.asarray(train_indices))
    if not 1 <= n_frames <= len(train):
        raise LabError(
            f"{n_frames} training frames are not available; choose between 1 and {len(train)}, the "
            "size of the training set."
        )
    codes, distinct = pd.factorize(np.asarray(material_ids, dtype=object)[train])
    turn = pd.Series(codes).groupby(codes).cumcount().to_numpy()
    rank = seeded_rank(distinct, f"subset {seed}")
    return np.sort(train[np.lexsort((rank[codes], turn))[:n_frames]])


def seeded_rank(distinct: np.ndarray, salt: str) -> np.ndarray:
    """Return the rank of each id in the order of salted hashes, (n,) integers.

    Args:
        distinct: unique ids, (n,) strings.
        salt: salt of the hashes; another one gives another order.
    """
    key = salt.encode()
    digests = [
        hashlib.blake2b(name.encode(), key=key, digest_size=8).digest() + name.encode()
        for name in map(str, distinct)
    ]
    rank = np.empty(len(distinct), dtype=np.intp)
    rank[sorted(range(len(digests)), key=digests.__getitem__)] = np.arange(len(distinct))
    return rank
