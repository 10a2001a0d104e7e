"""What `shift` tells besides: relations to a column, means by element, how little data is enough.

Each function returns what `--json` prints under its key, and a text for people.
"""

from typing import Any

import numpy as np
import pandas as pd

from core.cli.answer import columns, facts, share
from core.reference.shifts.explore import by_category, by_element, relation
from core.reference.shifts.pairs import PairedEnergies
from core.reference.shifts.variables import Variable

Told = tuple[dict[str, Any], str]


def told_against(chosen: Variable, quantities: dict[str, np.ndarray]) -> Told:
    """Set quantities of the pairs against a variable.

    Args:
        chosen: the variable.
        quantities: name to (n,) eV/atom.
    """
    x = chosen.values()
    about = {"column": chosen.name, "title": chosen.title, "unit": chosen.unit, "kind": chosen.kind}
    if chosen.kind == "category":
        tables = {name: by_category(x, y) for name, y in quantities.items()}
        text = [f"{name} by {chosen.title}, eV/atom\n{_text(t)}" for name, t in tables.items()]
        return about | {name: _records(t) for name, t in tables.items()}, "\n\n".join(text)
    found = {name: relation(x, y) for name, y in quantities.items()}
    numbers = {
        name: {"n": one.n, "pearson": one.pearson, "spearman": one.spearman}
        for name, one in found.items()
    }
    told = {
        f"{word}, {name} against {chosen.title}": one[key]
        for name, one in numbers.items()
        for key, word in (("n", "pairs"), ("pearson", "Pearson r"), ("spearman", "Spearman r"))
    }
    return about | numbers, facts(told)


def told_by_element(pairs: PairedEnergies, quantities: dict[str, np.ndarray], *, rare: int) -> Told:
    """Average quantities over the materials that contain an element.

    Args:
        pairs: n pairs.
        quantities: name to (n,) eV/atom.
        rare: elements in fewer materials are flagged.
    """
    table = by_element(pairs.fractions, quantities, pairs.material_id, rare=rare)
    text = f"eV/atom; low and high end the 95 % interval\n{_text(table)}"
    return {"rare_below": rare, "elements": _records(table)}, text


def told_few(pairs: PairedEnergies, *, model: str, drawings: int, seed: int) -> Told:
    """Judge fits to few materials on others.

    Args:
        pairs: n pairs.
        model: a pretrained model, whose AtomRef is where the prior starts.
        drawings: how often materials are drawn.
        seed: of the drawings.
    """
    # Only this waits for torch.
    from core.transfer.data_efficiency import few_from_pretrained  # noqa: PLC0415

    tell = share("drawings")
    result = few_from_pretrained(
        pairs, model=model, repeats=drawings, seed=seed, progress=lambda done, _: tell(done)
    )
    curve = result.curve
    table = curve.table()
    told = {
        "model": result.model,
        "source_prior": result.source_prior,
        "target_prior": result.target_prior,
        "strength": curve.strength,
        "n_materials": curve.n_materials,
        "n_held_out": curve.n_held_out,
        "drawings": drawings,
        "seed": seed,
    }
    head = facts({**told, "mae": "eV/atom; low and high are the 5 % and 95 % quantiles"})
    return told | {"points": _records(table)}, f"{head}\n\n{_text(table)}"


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return table.to_dict("records")  # type: ignore[return-value]


def _text(table: pd.DataFrame) -> str:
    return columns(list(table.columns), table.to_numpy(dtype=object).tolist())
