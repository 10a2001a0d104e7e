"""The question of the page: which models, which data, how the hulls are made."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import LabError
from core.frames.registry import DatasetInfo
from core.frames.schema import EnergyColumn
from core.potential.relaxation.settings import RelaxSettings
from core.reference.formation.energies import references_from_table
from core.runs.record.model_energies import energies_of
from core.stability.comparison import Convention, comparison_problem
from core.stability.phases import EnergySource
from core.studies.stability import StabilityStudy
from pages.parts.formation.references import ask_for_table, choose_references
from pages.parts.shared.datasets import available, choose
from pages.parts.shared.models import choose_models
from pages.parts.shared.page import plain
from pages.parts.shared.views import number, one_of

CONVENTIONS = {
    "own hulls": "Own hulls",
    "on the reference hull": "On the reference hull",
}
EXPLAINED = {
    "own hulls": "All energies of a hull are from one source: the reference's hull and the "
    "model's own, so that errors that a phase shares with its competitors cancel.",
    "on the reference hull": "One phase at a time gets the model's energy on the reference's hull, "
    "as in Matbench Discovery: errors do not cancel.",
}
SPLITS = {"test": "Test set", "all": "All materials"}
MOST = 1000

Split = Literal["test", "all"]


@dataclass(kw_only=True, frozen=True)
class Question:
    """What is compared.

    Attributes:
        studies: one per model.
        energy: the reference's energies.
        convention: whose hull the model's energies are on.
    """

    studies: Sequence[StabilityStudy]
    energy: EnergyColumn
    convention: Convention

    def commands(self, threshold: float, options: Sequence[str] = ()) -> list[str]:
        """Return the commands that compute the same, one per model.

        Args:
            threshold: meV/atom above the hull up to which a phase counts as stable.
            options: those of the view.
        """
        return [self._command(study, threshold, options) for study in self.studies]

    def _command(self, study: StabilityStudy, threshold: float, options: Sequence[str]) -> str:
        words = ["atomref", "stability", "--dataset", study.dataset, "--model", study.model]
        words += [] if study.column is None else ["--column", study.column]
        words += [] if study.references == "mp" else ["--references", study.references]
        words += [] if self.convention == "own hulls" else ["--convention", "reference"]
        words += [] if study.split == "test" else ["--split", study.split]
        words += [] if study.most == MOST else ["--most", str(study.most)]
        words += [] if study.relaxation is None else ["--relax"]
        words += ["--threshold", f"{threshold / 1000:g}"] if threshold else []
        return shlex.join([*words, *options])


def choose_question() -> Question | None:
    """Show the controls.

    Returns:
        The question; None, after saying what to do, where there is nothing to compute.

    Raises:
        LabError: if the data are of another functional than a model.
    """
    left, middle, right = st.columns([3, 2, 2])
    models = choose_models(left)
    only = left.toggle(
        "Only data of the model's functional",
        value=True,
        key="matching",
        bind="query-params",
        help="Data of other functionals, or with other corrections, have other hulls however good "
        "a model is.",
    )
    known = [energy for model in models if (energy := energies_of(model)) is not None]
    infos = [info for info in with_structures() if not only or matching(info, known)]
    with middle:
        info = choose(
            "Data set",
            infos,
            key="dataset",
            help_text="Structures with total energies of the model's functional. Frames of one "
            "material count once, with their lowest energy.",
        )
    if info is None:
        return None
    energy = choose_column(info, known, right, only=only)
    (table, references), convention, relaxation, split, most = choose_hulls()
    if table is None:
        ask_for_table()
        return None
    # A table without these energies is told now, not by a job.
    if not isinstance(table, str):
        references_from_table(table, energy.functional)
    if not models:
        st.info("Choose at least one model: a released one, or a run that you have trained.")
        return None
    check(energy, models)
    return Question(
        studies=[
            StabilityStudy(
                model=model,
                dataset=info.card.name,
                column=energy.column if info.card.kind == "pairs" else None,
                references=references,
                relaxation=relaxation,
                split=split,
                most=most,
            )
            for model in models
        ],
        energy=energy,
        convention=convention,
    )


def with_structures() -> list[DatasetInfo]:
    """Return the data sets, pairs first, whose materials are usually many."""
    return [*available("pairs"), *available("frames")]


def energies_in(info: DatasetInfo) -> list[EnergyColumn]:
    """Return the energies of a data set."""
    card = info.card
    return list(card.energies) if card.kind == "pairs" else [card.frame_energy]


def fits(energy: EnergyColumn, known: Sequence[EnergyColumn]) -> bool:
    """Return whether all models can be judged by these energies."""
    return not any(problem(energy, model) for model in known)


def matching(info: DatasetInfo, known: Sequence[EnergyColumn]) -> bool:
    """Return whether all models can be judged by some energies of a data set."""
    return any(fits(energy, known) for energy in energies_in(info))


def problem(energy: EnergyColumn, model: EnergyColumn) -> str:
    """Return why a model cannot be judged by these energies; empty if it can."""
    return comparison_problem(EnergySource.of(energy), EnergySource.of(model))


def choose_column(
    info: DatasetInfo, known: Sequence[EnergyColumn], box: DeltaGenerator, *, only: bool
) -> EnergyColumn:
    """Show the choice of the energies of pairs."""
    energies = energies_in(info)
    suited = [energy for energy in energies if fits(energy, known)]
    columns = {energy.column: energy for energy in (suited if only and suited else energies)}
    if info.card.kind == "frames":
        (energy,) = columns.values()
        box.selectbox(
            "Energy",
            [energy.functional],
            disabled=True,
            help="The functional of the reference energies.",
        )
        return energy
    default = next((energy.column for energy in suited), next(iter(columns)))
    name = box.selectbox(
        "Energy",
        list(columns),
        index=list(columns).index(default),
        format_func=lambda column: f"{columns[column].functional} ({column})",
        key="column",
        bind="query-params",
        help="The energies that the models are judged by.",
    )
    return columns[name]


def choose_hulls() -> tuple[tuple[Any, str], Convention, RelaxSettings | None, Split, int]:
    """Show how hulls are made: elements, convention, relaxation, and what is scored."""
    left, middle, right = st.columns([7, 5, 5])
    convention = left.radio(
        "The model's energies",
        get_args(Convention),
        format_func=CONVENTIONS.__getitem__,
        captions=[EXPLAINED[name] for name in get_args(Convention)],
        key="convention",
        bind="query-params",
        help="Predicted for the structures as they are, or after a relaxation by the model.",
    )
    with middle:
        references = choose_references(
            "They take part in every hull, and formation energies are relative to them. Own: the "
            "lowest energies of the data set's elements, by reference and model separately. A "
            "table: its energies for both; phases with an element that it lacks are left out."
        )
    relaxes = middle.toggle(
        "Relax with the model",
        key="relax",
        bind="query-params",
        help=f"Otherwise structures are taken as given. With each model: "
        f"{RelaxSettings().text()}. Relaxations are kept for the next time.",
    )
    split = one_of(
        right,
        "Score",
        list(SPLITS),
        format_func=SPLITS.__getitem__,
        default="test",
        key="split",
        help="Hulls hold all materials of the scored ones' chemical systems, whichever are scored.",
    )
    most = number(
        right,
        "Materials at most",
        "most",
        min_value=10,
        max_value=1_000_000,
        value=MOST,
        step=100,
        help="A sample of chemical systems is enough for a first answer.",
    )
    settings = RelaxSettings() if relaxes else None
    return references, cast("Convention", convention), settings, cast("Split", split), most


def check(energy: EnergyColumn, models: Sequence[str]) -> None:
    """Refuse data that say nothing about a model.

    Raises:
        LabError: if functional or corrections differ.
    """
    for name in models:
        model = energies_of(name)
        if model is not None and (why := problem(energy, model)):
            raise LabError(f"{name}: {why}")


def show_own_labels(question: Question) -> None:
    """Say where a model is judged by its own labels."""
    own = [study.model for study in question.studies if study.model == question.energy.labels]
    if own:
        st.info(
            plain(
                f"These labels were made by {own[0]} itself, so its errors are zero here, apart "
                "from what relaxation changes. Choose a run that you have trained, or import DFT "
                "data, to judge a model."
            ),
            icon=":material/smart_toy:",
        )
