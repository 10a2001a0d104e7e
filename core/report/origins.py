"""Facts about the data and models that a section of a report rests on."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from core.frames.provenance import CORRECTIONS
from core.frames.registry import find_dataset
from core.frames.schema import Corrections
from core.runs.record.named_models import checkpoint_for
from core.studies.pair_choice import PairChoice
from core.studies.selection import fingerprint
from core.transfer.source_model import SourceModel

if TYPE_CHECKING:
    from core.stability.phases import EnergySource


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


def model_sources(
    models: Iterable[str], functional: str | None = None
) -> dict[str, "EnergySource"]:
    """Return whose energies each model predicts, with the hash of its weights.

    Args:
        models: models as commands take them.
        functional: that of the labels that they are compared with, for runs on several.

    Raises:
        LabError: if a model cannot be loaded.
    """
    # Pages that draw the same do without torch.
    from core.stability.of_model import ModelEnergies  # noqa: PLC0415

    return {
        name: ModelEnergies(model=SourceModel(checkpoint_for(name, functional)), name=name).source
        for name in models
    }


def model_facts(sources: Mapping[str, "EnergySource"]) -> dict[str, str | None]:
    """Return the facts about models, as of `model_sources`."""
    facts: dict[str, str | None] = {}
    for name, source in sources.items():
        facts[f"Energies of {name}"] = f"{source.functional}, {CORRECTIONS[source.corrections]}"
        facts[f"SHA-256 of {name}"] = source.model
    return facts
