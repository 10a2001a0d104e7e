"""The elemental references that bring two functionals together (Figure 2)."""

from typing import Any, get_args

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core.elements import SYMBOLS, fractions_from_formula
from core.figures.atomref import atomref_bars, atomref_difference, worked_example
from core.figures.parity import Side, before_after
from core.figures.periodic import periodic_table
from core.potential.released import MODELS
from core.reference.atomref import RARE, AtomRef, Method, compared
from core.reference.shift import pearson, scaled_energies
from core.transfer.fits import fit_atomref
from pages.parts.figure import show
from pages.parts.page import command, conditioned, errors_shown, head, is_dark, plain, signed
from pages.parts.pairs import PairChoice, choose_pairs

METHODS = {
    "lstsq": "Least squares",
    "ridge": "Ridge toward a prior",
    "residual": "Residual",
}
EXPLAINED = {
    "lstsq": "One energy an element, so that composition alone explains as much of the total "
    "energy as it can. What the paper's Method 4 does.",
    "ridge": "The same, pulled toward a prior: the pretrained model's AtomRef, moved by the shift "
    "of the pure elements where it is known. Elements in few materials stay sensible.",
    "residual": "Ridge on total energy minus the pretrained network's interaction energy: the "
    "references that let this network start closest to the data.",
}


def main() -> None:
    head(
        "AtomRef",
        "Which elemental reference energies bring two functionals to one scale, and how well are "
        "they known?",
    )
    with errors_shown():
        choice = choose_pairs()
        if choice is None:
            return
        fit = choose_fit()
        source, target = fitted(choice, *fit)
        numbers(source, target)
        correlation(choice, source, target, fit)
        vector(choice, source, target)
        with errors_shown():
            example(choice, target)
        download(source, target)
        command(fit_command(choice, *fit))


def choose_fit() -> tuple[Method, float, str]:
    left, middle, right = st.columns([3, 1.5, 1.5], vertical_alignment="bottom")
    method = left.segmented_control(
        "Fit",
        get_args(Method),
        format_func=METHODS.__getitem__,
        default="lstsq",
        required=True,
        key="fit",
        bind="query-params",
    )
    pulled = method != "lstsq"
    strength = middle.number_input(
        "Pull toward the prior",
        min_value=1e-6,
        max_value=1e6,
        value=1e-2,
        format="%g",
        key="strength",
        bind="query-params",
        disabled=not pulled,
        help="Ridge strength: about how many frames of the pure element the prior is worth.",
    )
    model = right.selectbox(
        "Pretrained model",
        list(MODELS),
        key="model",
        bind="query-params",
        disabled=not pulled,
        help="Its AtomRef is where the prior starts; its network gives the interaction energies.",
    )
    st.caption(EXPLAINED[method])
    return method, strength, model


def fitted(
    choice: PairChoice, method: Method, strength: float, model: str
) -> tuple[AtomRef, AtomRef]:
    """Fit both functionals once a session; interaction energies stay on disk for all."""
    if method == "lstsq":
        return choice.summary.source_atomref, choice.summary.target_atomref
    memory = st.session_state.setdefault("atomref fits", {})
    key = (choice.key, method, strength, model)
    if key not in memory:
        bar = st.empty()
        pairs = choice.pairs
        memory[key] = tuple(
            fit_atomref(
                choice.data,
                pairs.index,
                energies,
                method=method,
                functional=functional,
                source_model=model,
                strength=strength,
                labels=labels,
                corrections=corrections,
                progress=lambda done, total: bar.progress(
                    done / total, f"Interaction energies: {done:,} of {total:,} structures"
                ),
            )
            for energies, functional, labels, corrections in (
                (
                    pairs.source,
                    pairs.source_functional,
                    pairs.source_labels,
                    pairs.source_corrections,
                ),
                (
                    pairs.target,
                    pairs.target_functional,
                    pairs.target_labels,
                    pairs.target_corrections,
                ),
            )
        )
        bar.empty()
    return memory[key]


def numbers(source: AtomRef, target: AtomRef) -> None:
    cells = st.columns(4)
    cells[0].metric("Materials", f"{target.n:,}", border=True)
    cells[1].metric(
        "Rank",
        f"{target.rank} of {len(SYMBOLS) - len(target.unseen)}",
        border=True,
        help="Independent compositions against elements present. Where the rank falls short, some "
        "elements only occur together, and least squares cannot tell their energies apart.",
    )
    cells[2].metric(
        "Condition number",
        conditioned(target.condition),
        border=True,
        help="How much an error in the energies can grow in the least certain combination of "
        "references.",
    )
    cells[3].metric(
        f"Elements in under {RARE} materials",
        len(target.rare()),
        border=True,
        help="Their energies rest on few data.",
    )
    if target.rare():
        st.warning(
            f"In fewer than {RARE} materials, so poorly known: {', '.join(target.rare())}.",
            icon=":material/warning:",
        )
    if target.prior_used:
        st.caption(f"Prior of {plain(target.functional)}: {plain(target.prior_used)}.")
        st.caption(f"Prior of {plain(source.functional)}: {plain(source.prior_used or '')}.")


def correlation(choice: PairChoice, source: AtomRef, target: AtomRef, fit: tuple[Any, ...]) -> None:
    st.subheader("Before and after")
    pairs = choice.pairs
    scaled = scaled_energies(pairs, source, target)
    show(
        before_after_figure(choice.key, fit, choice, scaled, dark=is_dark()),
        name="before-after",
        caption="On the right, each functional's own AtomRef is subtracted: what remains is what "
        "structure adds beyond composition, and r says how far the two functionals agree on it.",
        source=choice.source,
        labels=choice.labels,
        table=lambda: pairs.table().assign(scaled_source=scaled[0], scaled_target=scaled[1]),
    )


@st.cache_resource(max_entries=16, show_spinner=False)
def before_after_figure(
    key: tuple[str, ...],  # noqa: ARG001  part of the cache's key
    fit: tuple[Any, ...],  # noqa: ARG001  the same
    _choice: PairChoice,
    _scaled: tuple[np.ndarray, np.ndarray],
    *,
    dark: bool,
) -> go.Figure:
    pairs = _choice.pairs
    return before_after(
        Side(
            title=f"Total energy, r = {signed(_choice.summary.pearson_raw, digits=3)}",
            x=pairs.source,
            y=pairs.target,
            x_title=pairs.source_functional,
            y_title=pairs.target_functional,
        ),
        Side(
            title=f"Scaled energy, r = {signed(pearson(*_scaled), digits=3)}",
            x=_scaled[0],
            y=_scaled[1],
            x_title=f"{pairs.source_functional}, scaled",
            y_title=f"{pairs.target_functional}, scaled",
        ),
        hover=pairs.names(),
        dark=dark,
    )


def vector(choice: PairChoice, source: AtomRef, target: AtomRef) -> None:
    st.subheader("The references")
    names = {
        "difference": "Difference",
        "target": plain(target.functional),
        "source": plain(source.functional),
        "bars": "Both, as bars",
    }
    which = st.segmented_control(
        "Show",
        list(names),
        format_func=names.__getitem__,
        default="difference",
        required=True,
        key="show",
        bind="query-params",
    )
    hover = {
        symbol: f"in {n:,} materials" for symbol, n in zip(SYMBOLS, target.counts, strict=True)
    }
    if which == "difference":
        figure = atomref_difference(
            source.seen(),
            target.seen(),
            source_name=source.functional,
            target_name=target.functional,
            hover=hover,
            dark=is_dark(),
        )
    elif which == "bars":
        figure = atomref_bars(
            source.seen(),
            target.seen(),
            source_name=source.functional,
            target_name=target.functional,
            counts=dict(zip(SYMBOLS, target.counts.tolist(), strict=True)),
            dark=is_dark(),
        )
    else:
        chosen = target if which == "target" else source
        figure = periodic_table(
            chosen.seen(),
            title=f"AtomRef of {chosen.functional}",
            unit="eV/atom",
            diverging=False,
            hover=hover,
            dark=is_dark(),
        )
    show(
        figure,
        name=f"atomref-{which}",
        caption="What composition explains, one energy an element; least squares takes the mean "
        "bonding in as well. A difference that follows the atomic number is a change of scale.",
        source=choice.source,
        labels=choice.labels,
        table=lambda: compared(source, target),
    )


def example(choice: PairChoice, target: AtomRef) -> None:
    st.subheader("How it works")
    formula = st.text_input(
        "Formula",
        "LiCoO2",
        key="formula",
        bind="query-params",
        max_chars=100,
        help="AtomRef's contribution to the energy of any composition.",
    )
    fractions = fractions_from_formula(formula)
    present = fractions.nonzero()[0]
    unseen = [SYMBOLS[i] for i in present if target.counts[i] == 0]
    if unseen:
        st.warning(f"No material of this data set contains {', '.join(unseen)}.")
    show(
        worked_example(
            [SYMBOLS[i] for i in present],
            fractions[present].tolist(),
            target.energies[present].tolist(),
            dark=is_dark(),
        ),
        name="worked-example",
        caption="Composition row times AtomRef: the part of the total energy that composition "
        "explains.",
        source=choice.source,
        labels=choice.labels,
        table=lambda: target.table().assign(fraction=fractions).query("fraction > 0"),
    )


def download(source: AtomRef, target: AtomRef) -> None:
    st.subheader("Take it along")
    st.dataframe(
        compared(source, target),
        hide_index=True,
        column_config={
            "symbol": "Element",
            "source": st.column_config.NumberColumn(f"{source.functional}, eV/atom", format="%.4f"),
            "target": st.column_config.NumberColumn(f"{target.functional}, eV/atom", format="%.4f"),
            "difference": st.column_config.NumberColumn("Difference, eV/atom", format="%.4f"),
            "count": "Materials",
        },
        height=300,
    )
    for column, fit in zip(st.columns(2), (target, source), strict=True):
        column.download_button(
            f"AtomRef of {plain(fit.functional)} as JSON",
            data=fit.to_json,
            file_name=f"atomref-{fit.method}-{fit.functional.replace('/', '-')}.json",
            mime="application/json",
            on_click="ignore",
            icon=":material/download:",
        )


def fit_command(choice: PairChoice, method: Method, strength: float, model: str) -> str:
    pulled = "" if method == "lstsq" else f" --model {model} --strength {strength:g}"
    return f"python -m core atomref {choice.target_argument} --method {method}{pulled}"


main()
