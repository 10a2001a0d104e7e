"""Choosing how AtomRef is fitted, and the fits of the chosen pairs."""

from collections.abc import Callable
from typing import Any, Literal, TypeVar, cast, get_args

import streamlit as st

from core.potential.released import MODELS
from core.progress import silent
from core.reference.fits.atomref import AtomRef, Method
from core.reference.fits.library import saved_atomrefs
from core.reference.fits.priors import PRIOR_KINDS
from core.reference.shifts.hubbard import carrying_u
from core.reference.shifts.labelled import LabelledEnergies
from core.studies.atomref_fit import AtomRefStudy, Side
from core.studies.pair_choice import PairChoice
from core.transfer.atomref_fits import PULLED, AtomRefFit
from pages.parts.atomref.energies import EnergyChoice
from pages.parts.shared.page import plain
from pages.parts.shared.views import one_of

Function = TypeVar("Function", bound=Callable[..., Any])

METHODS: dict[Method, str] = {
    "lstsq": "Least squares",
    "huber": "Huber",
    "ridge": "Ridge toward a prior",
    "residual": "Residual",
}
STRENGTH = 1e-2
"""The usual strength of ridge."""

PULLS: dict[str, str] = {
    "covariance": "Alike elements jointly",
    "ridge": "Each element alone",
}
EXPLANATIONS: dict[Method, str] = {
    "lstsq": "One energy per element, so that composition alone explains as much of the total "
    "energy as it can: Method 4 of the paper.",
    "huber": "Least squares with Huber's loss: large residuals count linearly instead of "
    "quadratically, so that a few outliers do not dominate the fit.",
    "ridge": "Least squares pulled toward a prior: the pretrained model's AtomRef, moved by the "
    "shift of the pure elements where it is known. Elements in few materials keep sensible values.",
    "residual": "Ridge on total energy minus the pretrained network's interaction energy: the "
    "references with which this network starts closest to the data.",
}
SIDES: dict[Side, str] = {
    "target": "Target",
    "source": "Source",
    "difference": "Target − source",
}


def cached(spinner: str = "", *, max_entries: int = 8) -> Callable[[Function], Function]:
    """Return a decorator that caches a function of a choice and a fit for all readers.

    Args:
        spinner: what the page shows meanwhile.
        max_entries: number of results to keep.
    """
    decorator: Any = st.cache_resource(
        max_entries=max_entries,
        show_spinner=spinner or False,
        hash_funcs={
            PairChoice: lambda choice: choice.key,
            EnergyChoice: lambda choice: choice.key,
            AtomRefStudy: AtomRefStudy.model_dump_json,
            AtomRef: AtomRef.to_json,
        },
    )
    return cast("Callable[[Function], Function]", decorator)


def choose_fit(choice: PairChoice | EnergyChoice) -> AtomRefStudy:
    """Show the controls that choose a fit, and return the fit of the target energies."""
    method = one_of(
        st,
        "Fit",
        get_args(Method),
        format_func=METHODS.__getitem__,
        default="lstsq",
        key="fit",
        wrap=True,
        help="How the references are fitted: least squares, with outliers "
        "weighted less, or pulled toward a prior.",
    )
    st.caption(EXPLANATIONS[method])
    no_prior = method not in PULLED
    columns = st.columns([2, 2, 2, 3])
    pull = columns[0].selectbox(
        "Pull toward the prior",
        list(PULLS),
        format_func=PULLS.__getitem__,
        index=0 if method == "residual" else 1,
        key=pull_key(method),
        bind="query-params",
        disabled=no_prior,
        help="Alike elements jointly: neighbors in the periodic table, and elements with similar "
        "embeddings in the pretrained network, depart from the prior alike, as strongly as the "
        "energies suggest. Rare elements then learn from the others, and each has an error. "
        "Each element alone: ridge with one strength.",
    )
    columns[1].number_input(
        "Strength",
        min_value=1e-6,
        max_value=1e6,
        value=STRENGTH,
        format="%g",
        key="strength",
        bind="query-params",
        disabled=no_prior or pull == "covariance",
        help="Ridge strength: the prior weighs about as much as this many frames of the pure "
        "element. The view “Strength and prior” finds the best one.",
    )
    columns[2].selectbox(
        "Pretrained model",
        list(MODELS),
        key="model",
        bind="query-params",
        disabled=no_prior,
        help="The prior starts from its AtomRef; its network gives the interaction energies.",
    )
    columns[3].selectbox(
        "Prior",
        [*PRIOR_KINDS, *saved_atomrefs()],
        format_func=lambda kind: PRIOR_KINDS.get(kind, kind),
        key="prior",
        bind="query-params",
        disabled=no_prior,
        help="The expected reference of an element before any data. Known shifts: of the "
        "elemental crystal, by Materials Project where known, else by MatPES, else of the isolated "
        "atom. They are known for PBE, GGA/GGA+U and r2SCAN only. Or energies of your own, "
        "which the view “Library” imports.",
    )
    if _meets_u(choice):
        st.toggle(
            "Separate U",
            key="separate-u",
            bind="query-params",
            help="Fits what U adds beside the references, per element that is met both with and "
            "without U; the references are then those without U.",
        )
    return fit_of_form(choice, method)


@cached()
def _meets_u(choice: PairChoice | EnergyChoice) -> bool:
    """Return whether energies with U and without meet in the data."""
    opened = choice.opened
    if isinstance(opened, LabelledEnergies):
        functionals, rows = [opened.functional], opened.rows
    else:
        functionals = [opened.pairs.target_functional, opened.pairs.source_functional]
        rows = opened.pairs.index
    return any(carrying_u(opened.data, name, rows) is not None for name in functionals)


def pull_key(method: Method) -> str:
    """Return the key of the control of the pull, whose default depends on the method."""
    return "residual-pull" if method == "residual" else "pull"


def strength_of_form(method: Method) -> float | Literal["covariance"]:
    """Return the pull toward the prior that the form's controls describe."""
    if st.session_state.get(pull_key(method)) == "covariance":
        return "covariance"
    return float(st.session_state.get("strength", STRENGTH))


def fit_of_form(choice: PairChoice | EnergyChoice, method: Method) -> AtomRefStudy:
    """Return the fit that the form's controls describe, with another method if need be."""
    return AtomRefStudy(
        pairs=choice.selection,
        method=method,
        strength=strength_of_form(method),
        model=st.session_state.get("model", next(iter(MODELS))),
        start=st.session_state.get("prior", next(iter(PRIOR_KINDS))),
        separate_u=bool(st.session_state.get("separate-u", False)),
    )


@cached("Fitting …", max_entries=16)
def fitted(choice: PairChoice | EnergyChoice, study: AtomRefStudy) -> AtomRefFit:
    """Return a fit, computed once for all readers."""
    return study.fitted(silent, opened=choice.opened)


def show_fitted(choice: PairChoice | EnergyChoice, study: AtomRefStudy) -> None:
    """Show to how many of the chosen energies a fit is fitted, and why not to all."""
    n = len(choice.opened.rows) if isinstance(choice, EnergyChoice) else len(choice.pairs)
    n_fitted = len(fitted(choice, study).rows)
    if n_fitted < n:
        st.caption(
            f"Fitted to {n_fitted:,} of {n:,} energies: the others have no structure that CHGNet "
            "can represent, and a residual fit needs the network's interaction energy. Figures of "
            "energies show all of them."
        )


def choose_side(choice: PairChoice, study: AtomRefStudy, *, difference: bool) -> AtomRefStudy:
    """Show the control that chooses whose references a view is about, and return their fit.

    Args:
        choice: the pairs.
        study: the fit of the target energies.
        difference: whether target minus source can be chosen.
    """
    sides: list[Side] = ["target", "source"]
    if difference:
        sides.append("difference")
    side: Side = one_of(
        st,
        "References of",
        sides,
        format_func=SIDES.__getitem__,
        default="target",
        key="side",
        wrap=True,
        help=plain(
            f"Target: {choice.pairs.target_functional}. Source: {choice.pairs.source_functional}."
        ),
    )
    return study.model_copy(update={"side": side if side in sides else "target"})


def show_priors(*atomrefs: AtomRef) -> None:
    """Show the priors of some fits."""
    for atomref in atomrefs:
        if atomref.prior_used:
            st.caption(f"Prior of {plain(atomref.functional)}: {plain(atomref.prior_used)}.")
        if atomref.scale_note:
            st.warning(plain(atomref.scale_note), icon=":material/straighten:")
