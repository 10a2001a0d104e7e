"""Choosing how AtomRef is fitted, and the fits of the chosen pairs."""

import shlex
from dataclasses import dataclass
from typing import Any, get_args

import streamlit as st

from core.potential.released import MODELS
from core.progress import silent
from core.reference.fits.atomref import AtomRef, Method
from core.reference.fits.priors import PRIOR_KINDS, PriorKind
from core.transfer.atomref_fits import PULLED
from core.transfer.pair_fits import Side, SideFit, side_fit
from pages.parts.shared.page import plain
from pages.parts.shared.pairs import PairChoice

METHODS: dict[Method, str] = {
    "lstsq": "Least squares",
    "huber": "Huber",
    "ridge": "Ridge toward a prior",
    "residual": "Residual",
}
EXPLAINED: dict[Method, str] = {
    "lstsq": "One energy an element, so that composition alone explains as much of the total "
    "energy as it can. What the paper's Method 4 does.",
    "huber": "The same with Huber's loss: a material far off counts by its distance, not by the "
    "square of it, so that few outliers do not decide.",
    "ridge": "Least squares pulled toward a prior: the pretrained model's AtomRef, moved by the "
    "shift of the pure elements where it is known. Elements in few materials stay sensible.",
    "residual": "Ridge on total energy minus the pretrained network's interaction energy: the "
    "references that let this network start closest to the data.",
}
SIDES: dict[Side, str] = {
    "target": "Target",
    "source": "Source",
    "difference": "Target − source",
}
MOST_KEPT = 8
"""Fits that a session keeps."""


@dataclass(kw_only=True, frozen=True)
class FitChoice:
    """How the reader wants AtomRef fitted.

    Attributes:
        method: Of `core.reference.fits.atomref`.
        strength: Pull toward the prior.
        model: Where the prior starts.
        start: What the prior is.
    """

    method: Method
    strength: float
    model: str
    start: PriorKind

    @property
    def is_pulled(self) -> bool:
        """Whether there is a prior."""
        return self.method in PULLED

    @property
    def is_linear(self) -> bool:
        """Whether the difference of two fits is the fit to the difference."""
        return self.method != "huber"

    @property
    def key(self) -> tuple[Any, ...]:
        """Names the choice in caches."""
        if not self.is_pulled:
            return (self.method,)
        return (self.method, self.strength, self.model, self.start)

    def settings(self) -> dict[str, Any]:
        """Return it as settings of studies."""
        given: dict[str, Any] = {"method": self.method}
        if self.is_pulled:
            given |= {"strength": self.strength, "model": self.model, "start": self.start}
        return given

    def command(self, choice: PairChoice, side: Side = "target", *, strength: str = "") -> str:
        """Return the command that fits one side.

        Args:
            choice: The pairs.
            side: Whose references.
            strength: Instead of the form's.
        """
        selection = choice.selection
        argument = choice.target_argument
        if side == "source":
            column = [] if selection.source is None else ["--column", selection.source]
            argument = shlex.join([selection.dataset, *column])
        words = f"atomref atomref {argument} --method {self.method}"
        if side == "difference":
            words += f" --minus {shlex.quote(selection.source or selection.dataset)}"
        if self.is_pulled:
            words += f" --model {self.model} --strength {strength or format(self.strength, 'g')}"
            words += "" if self.start == "shifted" else f" --prior {self.start}"
        return words


def choose_fit() -> FitChoice:
    """Show the controls that choose a fit."""
    method = st.segmented_control(
        "Fit",
        get_args(Method),
        format_func=METHODS.__getitem__,
        default="lstsq",
        required=True,
        key="fit",
        bind="query-params",
    )
    st.caption(EXPLAINED[method])
    free = method not in PULLED
    rest = st.columns([2, 2, 3])
    strength = rest[0].number_input(
        "Pull toward the prior",
        min_value=1e-6,
        max_value=1e6,
        value=1e-2,
        format="%g",
        key="strength",
        bind="query-params",
        disabled=free,
        help="Ridge strength: about how many frames of the pure element the prior is worth. The "
        "view “Strength and prior” tells which one is best.",
    )
    model = rest[1].selectbox(
        "Pretrained model",
        list(MODELS),
        key="model",
        bind="query-params",
        disabled=free,
        help="Its AtomRef is where the prior starts; its network gives the interaction energies.",
    )
    start = rest[2].selectbox(
        "Prior",
        list(PRIOR_KINDS),
        format_func=lambda kind: PRIOR_KINDS[kind],
        key="prior",
        bind="query-params",
        disabled=free,
        help="What an element's reference ought to be before any data. Known shifts: of the "
        "elemental crystal, by Materials Project where known, else MatPES, else of the isolated "
        "atom. For other functionals than PBE, GGA/GGA+U and r2SCAN none is known.",
    )
    return FitChoice(method=method, strength=strength, model=model, start=start)


def fitted(choice: PairChoice, how: FitChoice, side: Side) -> SideFit:
    """Fit one side once a session; interaction energies stay on disk for all."""
    memory = st.session_state.setdefault("atomref fits", {})
    key = (choice.key, how.key, side)
    if key not in memory:
        bar = st.empty() if how.method == "residual" else None
        memory[key] = side_fit(
            choice.data,
            choice.pairs,
            side,
            method=how.method,
            strength=how.strength,
            source_model=how.model,
            start=how.start,
            progress=silent if bar is None else bar.progress,
        )
        if bar is not None:
            bar.empty()
        for old in list(memory)[:-MOST_KEPT]:
            del memory[old]
    fit: SideFit = memory[key]
    return fit


def choose_side(choice: PairChoice, *, difference: bool) -> Side:
    """Let the reader choose whose references a view is about.

    Args:
        choice: The pairs.
        difference: Whether target minus source is a choice.
    """
    names = SIDES if difference else {side: SIDES[side] for side in ("target", "source")}
    side: Side = st.segmented_control(
        "References of",
        list(names),
        format_func=SIDES.__getitem__,
        default="target",
        required=True,
        key="side",
        bind="query-params",
        help=plain(
            f"Target: {choice.pairs.target_functional}. Source: {choice.pairs.source_functional}."
        ),
    )
    return side if side in names else "target"


def prior_lines(*fits: AtomRef) -> None:
    """Say what the priors of some fits are."""
    for one in fits:
        if one.prior_used:
            st.caption(f"Prior of {plain(one.functional)}: {plain(one.prior_used)}.")
