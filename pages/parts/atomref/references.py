"""AtomRef, view "References": the fits, their effect on the energies, and a worked example."""

from shlex import quote

import plotly.graph_objects as go
import streamlit as st

from core.elements import N_ELEMENTS, fractions_from_formula
from core.figures.base.canvas import Array
from core.reference.fits.atomref import RARE, AtomRef
from core.reference.fits.compare import compared
from core.reference.shifts.shift import scaled_energies
from core.report.atomref.figures import vectors_figure as drawn_vectors
from core.studies.atomref_fit import AtomRefStudy
from core.studies.pair_choice import PairChoice
from core.transfer.atomref_fits import AtomRefFit
from pages.parts.atomref.form import cached, fitted, show_priors
from pages.parts.shared.before_after import show_before_after
from pages.parts.shared.figure import show
from pages.parts.shared.page import command, conditioned, errors_shown, is_dark, plain
from pages.parts.shared.views import one_of
from pages.parts.shifts.hubbard import show_hubbard


def show_references(choice: PairChoice, study: AtomRefStudy) -> None:
    """Show the fits of both functionals."""
    fit = fitted(choice, study)
    source, target = source_atomref(choice, study), fit.atomref
    counts = material_counts(choice, study)
    show_numbers(fit, counts)
    show_priors(target, source)
    st.subheader("Before and after")
    show_before_after(
        (choice.key, study.key()),
        choice.pairs,
        scaled(choice, study),
        captions=(
            "Total energies as they are.",
            (
                "Each functional's own AtomRef is subtracted: what remains is what structure adds "
                "beyond composition, and r measures how well the two functionals agree on it."
            ),
        ),
        source=choice.source,
    )
    show_vectors(choice, study)
    pairs = choice.selection
    command(
        f"{study.command} --source {quote(pairs.source or pairs.dataset)}{show_example(target)}"
    )


def source_atomref(choice: PairChoice, study: AtomRefStudy) -> AtomRef:
    """Return the same fit to the source energies."""
    return fitted(choice, study.model_copy(update={"side": "source"})).atomref


# Few, for they have as many numbers as the data set.
@cached(max_entries=2)
def scaled(choice: PairChoice, study: AtomRefStudy) -> tuple[Array, Array]:
    """Return source and target energies without their AtomRef, once for all readers."""
    target = fitted(choice, study).atomref
    return scaled_energies(choice.pairs, source_atomref(choice, study), target)


@cached(max_entries=16)
def material_counts(choice: PairChoice, study: AtomRefStudy) -> dict[str, int]:
    """Count the fitted materials with each element, once for all readers."""
    return fitted(choice, study).material_counts()


def show_numbers(fit: AtomRefFit, counts: dict[str, int]) -> None:
    """Show rank, condition number and rare elements."""
    atomref, n_materials = fit.atomref, fit.n_materials
    rare = [symbol for symbol, count in counts.items() if count < RARE]
    cells = st.columns(4)
    cells[0].metric(
        "Materials",
        f"{n_materials:,}",
        border=True,
        help=f"With {atomref.n:,} frames." if atomref.n != n_materials else None,
    )
    cells[1].metric(
        "Rank",
        f"{atomref.rank} of {len(counts)}",
        border=True,
        help="Independent compositions out of elements present. If the rank is smaller, some "
        "elements only occur together, and least squares cannot tell their energies apart.",
    )
    cells[2].metric(
        "Condition number",
        conditioned(atomref.condition),
        border=True,
        help="How much an error in the energies can grow in the least certain combination of "
        "references.",
    )
    cells[3].metric(
        f"Elements in under {RARE} materials",
        len(rare),
        border=True,
        help="Few data determine their energies.",
    )
    if rare:
        st.warning(
            f"In fewer than {RARE} materials, so uncertain: {', '.join(rare)}.",
            icon=":material/warning:",
        )
    if fit.u_shifts is not None:
        show_hubbard(fit.u_shifts, key="u-shifts")


def show_vectors(choice: PairChoice, study: AtomRefStudy) -> None:
    """Show the references of both functionals."""
    source, target = source_atomref(choice, study), fitted(choice, study).atomref
    st.subheader("The references")
    names = {
        "difference": "Difference",
        "target": plain(target.functional),
        "source": plain(source.functional),
        "bars": "Both, as bars",
    }
    which = one_of(
        st,
        "Show",
        list(names),
        format_func=names.__getitem__,
        default="difference",
        key="show",
        wrap=True,
        help="The references of both functionals, or their difference.",
    )
    table = compared(source, target)
    show(
        vectors_figure(choice, study, which, dark=is_dark()),
        name=f"atomref-{which}",
        caption="The part of the energy that composition explains, one energy per element; least "
        "squares includes the mean bonding energy. A difference that follows the atomic number is "
        "a change of the energy scale.",
        source=choice.source,
        table=lambda: table,
    )
    energy = st.column_config.NumberColumn
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            "symbol": "Element",
            "source": energy(f"{source.functional}, eV/atom", format="%.4f"),
            "target": energy(f"{target.functional}, eV/atom", format="%.4f"),
            "difference": energy("Difference, eV/atom", format="%.4f"),
            "count": "Frames",
        },
        height=300,
    )


@cached(max_entries=32)
def vectors_figure(choice: PairChoice, study: AtomRefStudy, which: str, *, dark: bool) -> go.Figure:
    """Draw the references of both functionals, once for all readers."""
    source, target = source_atomref(choice, study), fitted(choice, study).atomref
    return drawn_vectors(which, source, target, material_counts(choice, study), dark=dark)


def show_example(target: AtomRef) -> str:
    """Show the arithmetic for one formula (Figure 2a of Huang et al.).

    Returns:
        The same as an option of the command, behind a space; empty where it is no formula.
    """
    st.subheader("Worked example")
    formula = st.text_input(
        "Formula",
        "LiCoO2",
        key="formula",
        bind="query-params",
        max_chars=100,
        help="AtomRef's contribution to the energy of any composition.",
    )
    with errors_shown():
        show_terms(target, formula)
        return f" --formula {quote(formula)}"
    return ""


def show_terms(target: AtomRef, formula: str) -> None:
    """Show the terms of one formula."""
    terms = target.terms(fractions_from_formula(formula))
    if unseen := sorted(set(terms["symbol"]) & set(target.unseen)):
        st.warning(f"No material of this data set contains {', '.join(unseen)}.")
    rows = terms.to_dict("records")
    composition = " & ".join(
        rf"\overset{{\text{{{row['symbol']}}}}}{{{row['fraction']:.3f}}}" for row in rows
    )
    energies = r" \\ ".join(f"{row['energy']:.3f}" for row in rows)
    st.latex(
        rf"\underbrace{{\begin{{bmatrix}}{composition}\end{{bmatrix}}}}_{{\text{{composition}}}}"
        rf"\cdot\underbrace{{\begin{{bmatrix}}{energies}\end{{bmatrix}}}}"
        rf"_{{\text{{AtomRef, eV/atom}}}} = {terms['contribution'].sum():.3f}\ \text{{eV/atom}}"
    )
    st.dataframe(
        terms,
        hide_index=True,
        column_config={
            "symbol": "Element",
            "fraction": st.column_config.NumberColumn("Fraction of atoms", format="%.3f"),
            "energy": st.column_config.NumberColumn("AtomRef, eV/atom", format="%.3f"),
            "contribution": st.column_config.NumberColumn("Contribution, eV/atom", format="%.3f"),
        },
    )
    st.caption(
        "Composition times AtomRef: the part of the total energy that composition explains. The "
        f"other {N_ELEMENTS - len(rows)} elements contribute nothing."
    )
