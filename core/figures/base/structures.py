"""A crystal structure as a figure that can be turned: atoms, bonds and the cell."""

from functools import cache
from itertools import product
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go
from ase.data import covalent_radii
from ase.data.colors import jmol_colors
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, cKDTree

from core.elements import SYMBOLS
from core.figures.base.canvas import canvas
from core.figures.base.theme import Palette, palette
from core.frames.schema import Frame

Array = NDArray[np.float64]
Integers = NDArray[np.intp]

HEIGHT: Final = 420

_SIZE: Final = 0.45
"""Radius of a ball over the covalent radius."""

_REACH: Final = 1.15
"""Two atoms are bonded up to this multiple of the sum of their covalent radii."""

_NEAR: Final = 0.02
"""Share of a cell vector: atoms this close to a face of the cell are drawn on both faces."""

_BALLS: Final = ((60, 200), (300, 80))
"""Up to how many atoms a ball has how many corners: many atoms have coarser balls."""
_COARSEST: Final = 40

_ARROW: Final = 2.0
"""Length in Å of the largest force's arrow."""
_TIP: Final = (0.45, 0.16)
"""Length and radius in Å of an arrow's tip."""
_CORNERS: Final = 12
"""Corners of its base."""
_SHORTEST: Final = 0.02
"""Share of the largest force below which an atom has no arrow."""
_NO_FORCE: Final = 1e-3
"""eV/Å below which no force is drawn at all."""

_EDGES: Final = [
    (np.array(start), np.array(start) + axis)
    for axis in np.eye(3)
    for start in product((0.0, 1.0), repeat=3)
    if not np.dot(start, axis)
]
"""Ends of the twelve edges of a cell, in fractions of its vectors."""


def structure_figure(frame: Frame, *, forces: Array | None = None, dark: bool) -> go.Figure:
    """Draw the atoms of one cell, those on its faces on both of them, with bonds and the cell.

    Colours are Jmol's, radii a share of the covalent ones (Cordero et al. 2008, DOI
    10.1039/b801115j, as in ASE); atoms are bonded up to 1.15 times the sum of their radii.

    Args:
        frame: the structure.
        forces: an arrow at every atom, (n, 3) eV/Å; the largest is as long as `_ARROW`.
        dark: which theme.

    Returns:
        One mesh per element, named by its symbol, the lines "bonds" and "cell", and with forces
        their lines and tips. The only figure that needs WebGL.
    """
    colors = palette(dark=dark)
    numbers, places, atoms = shown_atoms(frame)
    hidden = {"visible": False, "showspikes": False}
    figure = canvas(
        height=HEIGHT,
        dark=dark,
        margin={"l": 0, "r": 0, "t": 30, "b": 40},
        dragmode="orbit",
        scene={
            "xaxis": hidden,
            "yaxis": hidden,
            "zaxis": hidden,
            "aspectmode": "data",
            "camera": {
                "projection": {"type": "orthographic"},
                "eye": {"x": 1.2, "y": 0.7, "z": 0.45},
            },
        },
    )
    ends = [end @ frame.lattice for edge in _EDGES for end in edge]
    figure.add_trace(_lines("cell", np.array(ends).reshape(-1, 2, 3), colors.muted, width=2))
    pairs = bonded(numbers, places)
    figure.add_trace(_lines("bonds", places[pairs], colors.line, width=6))
    for number in np.unique(numbers):
        figure.add_trace(_balls(int(number), places[numbers == number], n_shown=len(numbers)))
    if forces is not None:
        figure.add_traces(_arrows(places, np.asarray(forces, dtype=np.float64)[atoms], colors))
    return figure


def shown_atoms(frame: Frame) -> tuple[Integers, Array, Integers]:
    """Return the atoms of one cell, those on a face repeated on the opposite one.

    Returns:
        Atomic numbers, (m,), positions in Å, (m, 3), and which atom of the frame each is, (m,).
    """
    numbers: list[int] = []
    places = []
    atoms: list[int] = []
    inside = np.mod(frame.frac_coords, 1.0)
    for atom, (number, place) in enumerate(zip(frame.atomic_numbers, inside, strict=True)):
        near, far = place < _NEAR, place > 1 - _NEAR
        choices = [
            (x, x + 1) if low else (x - 1, x) if high else (x,)
            for x, low, high in zip(place, near, far, strict=True)
        ]
        images = list(product(*choices))
        numbers += [int(number)] * len(images)
        atoms += [atom] * len(images)
        places += images
    cartesian = np.array(places, dtype=np.float64) @ frame.lattice
    return np.array(numbers, dtype=np.intp), cartesian, np.array(atoms, dtype=np.intp)


def bonded(numbers: Integers, places: Array) -> Integers:
    """Return the pairs of bonded atoms, (n, 2).

    Args:
        numbers: atomic numbers, (m,).
        places: positions in Å, (m, 3).
    """
    radii = _REACH * covalent_radii[numbers]
    pairs = cKDTree(places).query_pairs(2 * radii.max(), output_type="ndarray").reshape(-1, 2)
    distances = np.linalg.norm(places[pairs[:, 0]] - places[pairs[:, 1]], axis=-1)
    return np.asarray(pairs[distances <= radii[pairs].sum(axis=-1)], dtype=np.intp)


def _lines(name: str, ends: Array, color: str, *, width: float) -> go.Scatter3d:
    """Return separate lines; `ends` are (n, 2, 3) in Å."""
    gaps = np.full((len(ends), 1, 3), np.nan)
    x, y, z = np.concatenate([ends, gaps], axis=1).reshape(-1, 3).T
    return go.Scatter3d(
        name=name,
        mode="lines",
        x=x,
        y=y,
        z=z,
        line={"color": color, "width": width},
        hoverinfo="skip",
        showlegend=False,
    )


def _arrows(places: Array, forces: Array, colors: Palette) -> list[go.Scatter3d | go.Mesh3d]:
    """Return arrows for the (m, 3) forces in eV/Å at the (m, 3) places in Å; none without any."""
    sizes = np.linalg.norm(forces, axis=1)
    largest = float(sizes.max(initial=0.0))
    if largest < _NO_FORCE:
        return []
    drawn = sizes > _SHORTEST * largest
    ends = places[drawn] + _ARROW / largest * forces[drawn]
    along = forces[drawn] / sizes[drawn, None]
    # Tips of one size, whatever the force: the lines say how large it is. plotly's own cones would
    # change the aspect of the scene.
    across = np.cross(along, np.eye(3)[np.abs(along).argmin(axis=1)])
    across /= np.linalg.norm(across, axis=1)[:, None]
    turns = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
    ring = _TIP[1] * (
        np.cos(turns)[:, None] * across[:, None]
        + np.sin(turns)[:, None] * np.cross(along, across)[:, None]
    )
    tip = (ends + _TIP[0] * along)[:, None]
    x, y, z = np.concatenate([tip, ends[:, None] + ring], axis=1).reshape(-1, 3).T
    corners = np.arange(_CORNERS)
    first = (_CORNERS + 1) * np.arange(len(ends))[:, None]
    tips = go.Mesh3d(
        name="forces",
        x=x,
        y=y,
        z=z,
        i=np.repeat(first, _CORNERS, axis=1).ravel(),
        j=(first + 1 + corners).ravel(),
        k=(first + 1 + (corners + 1) % _CORNERS).ravel(),
        color=colors.accent,
        hovertext=np.repeat([f"{size:.3g} eV/Å" for size in sizes[drawn]], _CORNERS + 1),
        hoverinfo="text",
        showlegend=False,
    )
    lines = _lines("forces", np.stack([places[drawn], ends], axis=1), colors.accent, width=7)
    return [lines, tips]


def _balls(number: int, places: Array, *, n_shown: int) -> go.Mesh3d:
    """Return all atoms of an element, one ball at each of the (n, 3) places in Å."""
    corners = next((corners for most, corners in _BALLS if n_shown <= most), _COARSEST)
    ball, faces = _ball(corners)
    x, y, z = (places[:, None] + _SIZE * covalent_radii[number] * ball).reshape(-1, 3).T
    i, j, k = (faces + corners * np.arange(len(places))[:, None, None]).reshape(-1, 3).T
    red, green, blue = (round(255 * part) for part in jmol_colors[number])
    lighting: dict[str, Any] = {"ambient": 0.7, "diffuse": 0.6, "specular": 0.2, "roughness": 0.6}
    return go.Mesh3d(
        name=SYMBOLS[number - 1],
        x=x.astype(np.float32),
        y=y.astype(np.float32),
        z=z.astype(np.float32),
        i=i,
        j=j,
        k=k,
        color=f"#{red:02X}{green:02X}{blue:02X}",
        flatshading=False,
        lighting=lighting,
        hoverinfo="name",
        showlegend=True,
    )


@cache
def _ball(corners: int) -> tuple[Array, Integers]:
    """Return a ball of radius one: even points of a spiral, (n, 3), and its faces, (m, 3)."""
    steps = np.arange(corners) + 0.5
    z = 1 - 2 * steps / corners
    angle, ring = np.pi * (1 + 5**0.5) * steps, np.sqrt(1 - z**2)
    points = np.stack([ring * np.cos(angle), ring * np.sin(angle), z], axis=-1)
    faces = np.array(ConvexHull(points).simplices, dtype=np.intp)
    first, second, third = points[faces].transpose(1, 0, 2)
    inward = (np.cross(first, second) * third).sum(axis=-1) < 0
    # Light falls on the side that the corners run around counterclockwise.
    faces[inward] = faces[inward][:, ::-1]
    return points, faces
