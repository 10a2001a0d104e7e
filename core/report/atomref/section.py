"""The section of a report about an AtomRef."""

import pandas as pd

from core.elements import fractions_from_formula
from core.frames.provenance import CORRECTIONS, Provenance
from core.frames.schema import DFT
from core.intervals import NOT_DETERMINED
from core.reference.fits.atomref import RARE, AtomRef
from core.reference.fits.compare import compared
from core.reference.fits.prior_comparison import PriorComparison
from core.reference.shifts.pairs import PairedEnergies
from core.reference.shifts.shift import scaled_energies
from core.report.atomref.figures import (
    INTERVAL_TITLES,
    MEASURES,
    VECTORS,
    explanation,
    interval_figure,
    left_out_parity,
    leverage_figure,
    prior_figure,
    references,
    strength_figure,
    vectors_figure,
)
from core.report.document import Figure, Section, Table
from core.report.origins import facts_of
from core.report.shifts import U_TITLES, energy_parities
from core.studies.atomref_fit import AtomRefStudy
from core.studies.atomref_intervals import WIDEST, Intervals
from core.transfer.atomref_fits import AtomRefFit

_ENERGIES = (
    "The part of the energy that composition explains, one energy per element; least squares "
    "includes the mean bonding energy."
)


def atomref_section(
    study: AtomRefStudy,
    fit: AtomRefFit,
    *,
    bootstrap: Intervals | None = None,
    most: int = 0,
    priors: PriorComparison | None = None,
    beside: tuple[PairedEnergies, AtomRef] | None = None,
    rare: int = RARE,
    formula: str = "",
) -> Section:
    """Return the section about the elemental references of a functional.

    Args:
        study: the settings.
        fit: the fit.
        bootstrap: its uncertainty; None leaves it out.
        most: number of most influential materials; 0 leaves them out.
        priors: held-out errors by prior; None leaves them out.
        beside: the energies of both functionals, and the same fit to those of the source; None
            leaves it out.
        rare: elements in fewer materials are marked in the figure of intervals.
        formula: of a worked example; empty for none.
    """
    atomref, counts = fit.atomref, fit.material_counts()
    labels = atomref.labels or DFT
    source = Provenance(
        data=study.datasets[-1],
        labels={labels},
        details=f"{atomref.n:,} energies in {atomref.functional}, "
        f"{CORRECTIONS[atomref.corrections]}.",
    )
    figures = [
        Figure(
            name="references",
            figure=references(atomref, counts, dark=False),
            caption=_ENERGIES,
            source=source,
            table=_energies(atomref),
        )
    ]
    tables = [
        Table(title="Fit", table=pd.DataFrame([_numbers(fit, counts)]), note=atomref.scale_note),
        Table(
            title="References",
            table=_energies(atomref).rename(
                columns={"symbol": "Element", "energy": "Energy, eV/atom", "count": "Frames"}
            ),
        ),
    ]
    if fit.u_shifts is not None:
        tables.append(
            Table(title="What U adds", table=fit.u_shifts.table().rename(columns=U_TITLES))
        )
    if beside is not None:
        figures += _beside(*beside, atomref, counts, source)
        tables.append(_compared(beside[1], atomref))
    if formula:
        tables.append(_example(atomref, formula))
    if bootstrap is not None:
        table = bootstrap.table()
        figures.append(
            Figure(
                name="intervals",
                figure=interval_figure(bootstrap, atomref.functional, rare, dark=False),
                caption=f"Top: each reference with its {bootstrap.interval.level:.0%} interval; "
                f"bottom: half its width. A cross: {NOT_DETERMINED}, or wider than ± {WIDEST:g} "
                "eV/atom.",
                source=source,
                table=table,
            )
        )
        tables.append(
            Table(
                title="Uncertainty",
                table=table.rename(columns=INTERVAL_TITLES),
                note=explanation(study, bootstrap),
            )
        )
    if fit.curve is not None:
        figures += [
            Figure(
                name=f"strength-{measure}",
                figure=strength_figure(fit.curve, measure, dark=False),
                caption="On the far left the data alone determine the fit, on the far right the "
                "prior does. Best: smallest MAE. Diamond: the strongest pull within one standard "
                "error of it.",
                source=source,
                table=fit.curve.table(),
            )
            for measure in MEASURES
        ]
    if most:
        more, drawn = _left_out(study, fit, most, source)
        tables, figures = [*tables, more], [*figures, *drawn]
    if priors is not None:
        figures.append(
            Figure(
                name="priors",
                figure=prior_figure(priors, dark=False),
                caption=f"Ridge fits to small sets of materials, tested on {priors.n_held_out:,} "
                "others. The lower a line starts, the more materials its prior replaces.",
                source=source,
                table=priors.table(),
            )
        )
        tables.append(
            Table(
                title="Held-out MAE by number of fitting materials, eV/atom",
                table=priors.by_size().rename_axis("Prior").reset_index(),
            )
        )
    return Section(
        title=f"AtomRef of {atomref.functional}: {source.data}",
        paragraphs=[
            source.text,
            f"Prior: {atomref.prior_used}." if atomref.prior_used else "",
        ],
        tables=tables,
        figures=figures,
        facts={
            "Data": facts_of(
                study.datasets,
                *(
                    (each.functional, each.labels or DFT, each.corrections)
                    for each in ([] if beside is None else [beside[1]]) + [atomref]
                ),
            ),
            "Fit": {
                "Method": atomref.method,
                "Model": study.model if study.is_pulled else "",
                "Strength": atomref.strength,
            },
        },
    )


def _energies(atomref: AtomRef) -> pd.DataFrame:
    table = atomref.table()
    return table[table["count"] > 0]


def _numbers(fit: AtomRefFit, counts: dict[str, int]) -> dict[str, object]:
    atomref = fit.atomref
    return {
        "Method": atomref.method,
        "Materials": fit.n_materials,
        "Frames": atomref.n,
        "Rank": f"{atomref.rank} of {len(counts)}",
        "Condition number": atomref.condition,
        f"Elements in under {RARE} materials": sum(count < RARE for count in counts.values()),
        "MAE fitted, eV/atom": fit.mae,
    }


def _beside(
    pairs: PairedEnergies,
    other: AtomRef,
    atomref: AtomRef,
    counts: dict[str, int],
    source: Provenance,
) -> list[Figure]:
    """Return both functionals' energies before and after their AtomRef, and both AtomRef."""
    scaled = scaled_energies(pairs, other, atomref)
    energies = pairs.table().assign(scaled_source=scaled[0], scaled_target=scaled[1])
    both = zip(
        ("energy-parity", "scaled-parity"),
        ("Total energies as they are.", "Each functional's own AtomRef is subtracted."),
        energy_parities(pairs, scaled, dark=False),
        strict=True,
    )
    return [
        *(
            Figure(name=name, figure=figure, caption=caption, source=source, table=energies)
            for name, caption, figure in both
        ),
        *(
            Figure(
                name=f"atomref-{which}",
                figure=vectors_figure(which, other, atomref, counts, dark=False),
                caption=_ENERGIES,
                source=source,
                table=compared(other, atomref),
            )
            for which in VECTORS
        ),
    ]


def _compared(source: AtomRef, target: AtomRef) -> Table:
    heads = {
        "symbol": "Element",
        "source": f"{source.functional}, eV/atom",
        "target": f"{target.functional}, eV/atom",
        "difference": "Difference, eV/atom",
        "count": "Frames",
    }
    return Table(
        title="References of both functionals", table=compared(source, target).rename(columns=heads)
    )


def _example(atomref: AtomRef, formula: str) -> Table:
    terms = atomref.terms(fractions_from_formula(formula))
    heads = {
        "symbol": "Element",
        "fraction": "Fraction of atoms",
        "energy": "AtomRef, eV/atom",
        "contribution": "Contribution, eV/atom",
    }
    return Table(
        title=f"Worked example: {formula}",
        table=terms.rename(columns=heads),
        note=f"Composition times AtomRef: {terms['contribution'].sum():.3f} eV/atom.",
    )


def _left_out(
    study: AtomRefStudy, fit: AtomRefFit, most: int, source: Provenance
) -> tuple[Table, list[Figure]]:
    left_out = fit.leave_one_out()
    formulas = study.pairs.open().data.table()["formula"].to_numpy()
    first = formulas[fit.rows[left_out.first]]
    table = left_out.influential(most)
    heads = {
        "material_id": "Material",
        "formula": "Formula",
        "moves": "Change of its references, eV/atom",
        "residual": "Residual, eV/atom",
        "leverage": "Leverage",
        "cook": "Cook's distance",
    }
    listed = table.assign(formula=formulas[fit.rows[table["row"]]])[list(heads)]
    figures = {
        "influence": (
            leverage_figure(left_out, first, [str(it) for it in left_out.materials], dark=False),
            (
                "Materials far to the right determine a reference almost alone; those far up or "
                "down are badly predicted by the others; both together move the fit."
            ),
            left_out.table(),
        ),
        "left-out": (
            left_out_parity(fit, left_out, dark=False),
            (
                "Each energy against its prediction by composition alone, fitted to all other "
                "materials."
            ),
            fit.predictions(left_out),
        ),
    }
    return Table(
        title="Most influential materials",
        table=listed.rename(columns=heads),
        note=f"MAE of each material left out: {left_out.mae:.4g} eV/atom. Sorted by Cook's "
        "distance: how far all fitted energies move without the material.",
    ), [
        Figure(name=name, figure=figure, caption=caption, source=source, table=data)
        for name, (figure, caption, data) in figures.items()
    ]
