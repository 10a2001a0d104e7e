"""Train, validation and test sets by material, and nested training subsets."""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.errors import LabError


@dataclass(kw_only=True, frozen=True, slots=True)
class Split:
    """Row numbers of the three sets, each sorted; together every row once.

    Attributes:
        train: (n_train,) integers.
        validation: (n_validation,) integers.
        test: (n_test,) integers.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split_by_material(
    material_ids: np.ndarray,
    *,
    seed: int,
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
) -> Split:
    """Split rows so that all frames of a material are in one set.

    Materials are ordered by a hash of their id and the seed and cut by their number, so the set
    of a material does not depend on the order of the rows. From three materials on, no set is
    left empty.

    Args:
        material_ids: (n,) strings.
        seed: Another seed gives another split.
        fractions: Shares of the materials in train, validation and test.
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

    Materials stand in an order drawn from the seed and are gone through in rounds: the first frame
    of each, then the second, until the number is reached. Few frames then cover as many materials,
    and so as many elements, as they can.

    Args:
        material_ids: Of the whole data set, (n,) strings.
        train_indices: Row numbers to choose from, (n_train,).
        n_frames: How many to choose.
        seed: Another seed gives another order.

    Returns:
        Row numbers (n_frames,), sorted.

    Raises:
        LabError: Fewer than n_frames training frames, or n_frames below 1.
    """
    train = np.sort(np.asarray(train_indices))
    if not 1 <= n_frames <= len(train):
        raise LabError(
            f"{n_frames} training frames were asked for; choose between 1 and {len(train)}, "
            "what the training set holds."
        )
    codes, distinct = pd.factorize(np.asarray(material_ids, dtype=object)[train])
    turn = pd.Series(codes).groupby(codes).cumcount().to_numpy()
    rank = seeded_rank(distinct, f"subset {seed}")
    return np.sort(train[np.lexsort((rank[codes], turn))[:n_frames]])


def seeded_rank(distinct: np.ndarray, salt: str) -> np.ndarray:
    """Return each id's place in the order of salted hashes, (n,) integers.

    Args:
        distinct: Ids, none twice, (n,) strings.
        salt: Another salt gives another order.
    """
    key = salt.encode()
    digests = [
        hashlib.blake2b(str(one).encode(), key=key, digest_size=8).digest() + str(one).encode()
        for one in distinct
    ]
    rank = np.empty(len(distinct), dtype=np.intp)
    rank[sorted(range(len(digests)), key=digests.__getitem__)] = np.arange(len(distinct))
    return rank
