"""How far models can be trusted on a structure: numbers, and sentences where one is large."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.studies.models.prediction import Predictions
from core.studies.models.trust import Trust, TrustStudy
from pages.parts.predict.asked import UNKNOWN, Asked
from pages.parts.shared.job import computed
from pages.parts.shared.page import errors_shown, plain

FAR = 2.0
"""Times the domain's own distance from which a structure is far away."""


def show_warnings(asked: Asked) -> None:
    """Show how far each model can be trusted on the chosen structure."""
    st.subheader("How far to trust it", anchor=False)
    known: dict[str, Trust] = {}
    for model in asked.found:
        with errors_shown():
            study = TrustStudy(model=model, structures=asked.name)
            if computed(study.of_domain, what=f"What {model} knows") is None:
                continue
            one: Trust | None = computed(study, what=f"Distance and disagreement of {model}")
            if one is not None:
                known[model] = one
    st.dataframe(
        trust_rows(asked.place, asked.found, known),
        key=f"trust-{asked.name}-{asked.place}",
        hide_index=True,
        column_config={"quantity": st.column_config.TextColumn("Quantity", width="medium")},
    )
    for text in warnings_of(asked.place, asked.found, known):
        st.warning(plain(text), icon=":material/warning:")
    if known:
        words = "; ".join(f"{model}: {one.domain}" for model, one in known.items())
        st.caption(
            plain(
                f"Distances are those of CHGNet's crystal features from frames. {words}. One is "
                "the distance that 99 % of these have from their nearest; beyond two, a prediction "
                "is a guess."
            )
        )


def trust_rows(
    place: int, found: Mapping[str, Predictions], known: Mapping[str, Trust]
) -> list[dict[str, Any]]:
    """Return a table with a column per model.

    Args:
        place: the structure.
        found: predictions by model.
        known: distances and disagreement, by model, as far as they are known.
    """
    return [
        {
            "quantity": "Elements unseen in training",
            **{model: str(one.unseen[place]) or "none" for model, one in found.items()},
        },
        {
            "quantity": "Distance from training frames",
            **{
                model: f"{known[model].distances[place]:.2f}" if model in known else UNKNOWN
                for model in found
            },
        },
        {
            "quantity": "Disagreement of seeds, meV/atom",
            **{model: _seeds(known.get(model), place) for model in found},
        },
        {
            "quantity": "Deviation by the closed form, meV/atom",
            **{
                model: f"{1000 * one.deviations[place]:.0f}" if one.knows_deviations else UNKNOWN
                for model, one in found.items()
            },
        },
    ]


def warnings_of(
    place: int, found: Mapping[str, Predictions], known: Mapping[str, Trust]
) -> list[str]:
    """Return sentences on what is alarming; arguments as of `trust_rows`."""
    unseen = [
        f"{model} has seen no {one.unseen[place]} in training: its energies and forces there are "
        "those of the model it started from, or unknown."
        for model, one in found.items()
        if one.unseen[place]
    ]
    far = [
        f"{model}: this structure is {one.distances[place]:.1f} times as far from what the model "
        "was trained on as 99 % of the training frames are from each other."
        for model, one in known.items()
        if one.distances[place] > FAR
    ]
    without = [f"{model}: {one.why[place]}" for model, one in found.items() if one.why[place]]
    return [*unseen, *far, *without]


def _seeds(trust: Trust | None, place: int) -> str:
    if trust is None or not trust.n_seeds:
        return UNKNOWN
    if trust.n_seeds == 1:
        return "one seed"
    return f"{1000 * trust.seeds[place]:.0f} ({trust.n_seeds} seeds)"
