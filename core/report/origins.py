"""Facts about the data and models that a section of a report rests on."""

from collections.abc import Iterable
from typing import Any

from core.frames.provenance import CORRECTIONS
from core.frames.registry import find_dataset
from core.frames.schema import Corrections
from core.studies.pair_choice import PairChoice
from core.studies.selection import fingerprint


def facts_of(
    datasets: Iterable[str], *energies: tuple[str, str, Corrections], **more: Any
) -> dict[str, Any]:
    """Return data sets with the hashes of their contents, and what their energies are.

    Args:
        datasets: names of data sets, or absolute paths of table files.
        energies: functional, labels and corrections of each column of energies.
        more: further facts.
    """
    functionals, labels, corrections = (
        list(dict.fromkeys(it)) for it in zip(*energies, strict=True)
    )
    return {
        **{f"SHA-256 of {name}": fingerprint(name) for name in datasets},
        "Functional": ", ".join(functionals),
        "Labels": ", ".join(labels),
        "MP2020 corrections": "MP2020"
        if "MP2020" in corrections
        else ", ".join(CORRECTIONS[each] for each in corrections),
        **more,
    }


def dataset_facts(*datasets: str, **more: Any) -> dict[str, Any]:
    """Return the facts about all energies of some data sets; arguments as of `facts_of`."""
    cards = [find_dataset(name).card for name in datasets]
    energies = [
        (each.functional, each.labels, each.corrections)
        for card in cards
        for each in (card.energies if card.kind == "pairs" else [card.frame_energy])
    ]
    return facts_of(datasets, *energies, **more)


def data_facts(choice: PairChoice, **more: Any) -> dict[str, Any]:
    """Return the facts about the data of some pairs."""
    pairs = choice.pairs
    return facts_of(
        choice.selection.datasets,
        (pairs.source_functional, pairs.source_labels, pairs.source_corrections),
        (pairs.target_functional, pairs.target_labels, pairs.target_corrections),
        **more,
    )
