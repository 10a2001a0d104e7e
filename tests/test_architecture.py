"""The house holds: core knows no page, and data flows one way."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = sorted((ROOT / "core").rglob("*.py"))
# A module may import from earlier floors and its own, never from later ones.
FLOORS = [
    {"elements", "errors", "home", "progress", "__init__"},
    {"files"},
    {"process"},
    {"frames"},
    {"reference", "potential"},
    {"transfer"},
    {"training"},
    {"runs"},
    {"scaling"},
    {"acquisition"},
    {"studies"},
    {"figures"},
    {"cli"},
    {"__main__"},
]
FLOOR = {name: level for level, names in enumerate(FLOORS) for name in names}
BESIDE = {("reference", "potential"), ("potential", "reference")}


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_core_imports_one_way(path):
    names = imports(path)
    assert not {n for n in names if n.split(".")[0] in {"streamlit", "pages"}}
    own = path.relative_to(ROOT / "core").parts[0].removesuffix(".py")
    used = {n.split(".")[1] for n in names if n.startswith("core.")} - {"__version__"}
    for other in used:
        assert FLOOR[other] <= FLOOR[own], f"{own} imports {other}"
        assert (own, other) not in BESIDE, f"{own} imports {other}"


def test_figures_import_only_plain_data():
    allowed = {"core.elements", "core.figures", "core.frames.schema"}
    for path in (ROOT / "core" / "figures").rglob("*.py"):
        for name in imports(path):
            if name.startswith("core."):
                assert any(name.startswith(prefix) for prefix in allowed), f"{path}: {name}"


def test_modules_stay_readable():
    for path in [*CORE, *(ROOT / "pages").rglob("*.py"), ROOT / "app.py"]:
        assert len(path.read_text().splitlines()) <= 400, path


def test_nothing_unpickles_or_renders_user_html():
    for path in [*CORE, *(ROOT / "pages").rglob("*.py"), ROOT / "app.py"]:
        text = path.read_text()
        for bad in ("weights_only=False", "unsafe_allow_html", "pickle.load", "allow_pickle=True"):
            assert bad not in text, f"{path}: {bad}"
