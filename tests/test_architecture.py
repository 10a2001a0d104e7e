"""The house holds: data flow one way, rooms stay small, pages compute nothing."""

import ast
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = [*sorted((ROOT / "core").rglob("*.py")), *sorted((ROOT / "pages").rglob("*.py"))]
# A module imports from its own room and from those above it in this list, never from those below.
ROOMS = [
    "core",
    "core.frames",
    "core.frames.contents",
    "core.frames.export",
    "core.frames.tables",
    "core.frames.vasp",
    "core.frames.sources",
    "core.frames.catalogue",
    "core.reference.fits",
    "core.reference.shifts",
    "core.reference.formation",
    "core.reference.importance",
    "core.potential.kernels",
    "core.potential",
    "core.potential.relaxation",
    "core.potential.tangent",
    "core.transfer",
    "core.checks",
    "core.stability",
    "core.training.settings",
    "core.training.step",
    "core.training.scoring",
    "core.training.loop",
    "core.runs.launchers",
    "core.runs.record",
    "core.runs.process",
    "core.runs.results",
    "core.runs.groups",
    "core.runs.export",
    "core.scaling",
    "core.acquisition",
    "core.studies",
    "core.studies.models",
    "core.studies.job",
    "core.figures.base",
    "core.figures.shifts",
    "core.figures.atomref",
    "core.figures.importance",
    "core.figures.training",
    "core.figures.scaling",
    "core.figures.data",
    "core.figures.stability",
    "core.figures.models",
    "core.report",
    "core.api",
    "core.cli",
    "core.cli.data",
    "core.cli.groups",
    "core.cli.models",
    "pages.parts",
    "pages.parts.shared",
    "pages.parts.access",
    "pages.parts.data",
    "pages.parts.shifts",
    "pages.parts.atomref",
    "pages.parts.importance",
    "pages.parts.formation",
    "pages.parts.stability",
    "pages.parts.predict",
    "pages.parts.compare",
    "pages.parts.training",
    "pages.parts.runs",
    "pages.parts.experiments",
    "pages.parts.sweeps",
    "pages.parts.scaling",
    "pages.parts.plan",
    "pages.parts.lesson",
    "pages",
]
# A folder of the room that holds it, as of forms with several modules.
PARTS = {
    "core.frames.sources.atoms": "core.frames.sources",
    "core.frames.sources.json_files": "core.frames.sources",
    "core.frames.sources.outputs": "core.frames.sources",
    "core.frames.sources.training_sets": "core.frames.sources",
    "core.potential.graphs": "core.potential",
    "core.report.atomref": "core.report",
    "core.report.models": "core.report",
}
FLOOR = {room: i for i, room in enumerate(ROOMS)}
FLOOR |= {part: FLOOR[whole] for part, whole in PARTS.items()}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in FILES}


def room(module: str) -> str:
    return ".".join(MODULES[module].relative_to(ROOT).parent.parts)


def imports(path: Path) -> set[str]:
    """Names of modules that a file imports; of other projects, what stands in the statement."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                names.add(full if full in MODULES else node.module)
    return names


@cache
def all_imports() -> dict[str, set[str]]:
    return {module: imports(path) for module, path in MODULES.items()}


@cache
def house() -> dict[str, set[str]]:
    """Return what each module imports of the others.

    The command line's entry point stands above all others, and so does the package, which gives
    out the names of `core.api` when they are used.
    """
    return {
        module: {name for name in names if name in MODULES} - {module}
        for module, names in all_imports().items()
        if module not in {"core", "core.__main__"}
    }


def test_modules_import_downwards_only():
    for module, others in house().items():
        for other in others:
            assert FLOOR[room(other)] <= FLOOR[room(module)], f"{module} imports {other}"


def test_the_two_halves_of_the_energy_do_not_know_each_other():
    """References need no network, the network no references; `transfer` joins them."""
    for module, others in house().items():
        if module.startswith("core.reference"):
            assert not any(other.startswith("core.potential") for other in others), module
        if module.startswith("core.potential"):
            assert not any(other.startswith("core.reference") for other in others), module


def test_modules_do_not_import_in_circles():
    TopologicalSorter(house()).prepare()


def test_core_imports_neither_streamlit_nor_pages():
    for module, names in all_imports().items():
        if module.startswith("core"):
            assert not {name.partition(".")[0] for name in names} & {"streamlit", "pages"}, module


def test_pages_compute_nothing():
    for module, names in all_imports().items():
        if module.startswith("pages"):
            packages = {name.partition(".")[0] for name in names}
            assert not packages & {"numpy", "pandas", "torch"}, module


def test_figures_import_only_plain_data():
    allowed = ("core.elements", "core.figures", "core.frames.schema", "core.intervals")
    for module, others in house().items():
        if module.startswith("core.figures"):
            assert all(other.startswith(allowed) for other in others), module


def test_settings_wait_for_no_large_library():
    for module, names in all_imports().items():
        if module.startswith("core.training.settings"):
            assert not {name.partition(".")[0] for name in names} & {"torch", "chgnet"}, module


def test_modules_and_rooms_stay_readable():
    for path in [*FILES, ROOT / "app.py"]:
        assert len(path.read_text().splitlines()) <= 400, path
    for folder, n in Counter(path.parent for path in FILES).items():
        assert n <= 22, folder


def test_tests_mirror_the_code():
    """A folder of tests has a folder of code, but for those that test something else."""
    special = {"", "benchmarks", "browser", "cluster", "data", "fuzz", "pages"}
    for path in (ROOT / "tests").rglob("test_*.py"):
        folder = str(path.parent.relative_to(ROOT / "tests")).removeprefix(".")
        assert folder in special or (ROOT / "core" / folder).is_dir(), path


def test_the_floor_plan_names_what_there_is():
    """Every file of ARCHITECTURE.md exists, and every module and folder of core has its row."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    rows = set(re.findall(r"^\| `([^`]+)`", text, re.MULTILINE))
    there = {path.name for path in FILES} | {path.name for path in (ROOT / "tests").rglob("*.py")}
    for name in re.findall(r"`([\w/.]+\.py)`", text):
        assert (ROOT / name).is_file() if "/" in name else name in there | {"app.py"}, name
    for path in (ROOT / "core").glob("*.py"):
        assert path.name.startswith("__") or f"core/{path.name}" in rows, path
    for folder in {path.parent for path in FILES} - {ROOT / "core"}:
        place = folder.relative_to(ROOT)
        upper = {f"{it}/" for it in (place, *place.parents)}
        assert upper & rows or any(row.startswith(f"{place}/") for row in rows), folder


def test_nothing_unpickles_or_renders_user_html():
    for path in [*FILES, ROOT / "app.py"]:
        text = path.read_text()
        # These words stand here because the test looks for them in all other code.
        for bad in ("weights_only=False", "unsafe_allow_html", "pickle.load", "allow_pickle=True"):
            assert bad not in text, f"{path}: {bad}"


def test_no_page_waits_for_a_large_library():
    """Pages and commands import what computes when they compute; `torch` takes seconds."""
    code = (
        "import sys, core.cli.data.datasets, core.cli.shift; "
        "from pages.parts.shared.warm_up import import_parts; import_parts(); "
        "print({'torch', 'chgnet', 'xgboost', 'shap', 'sklearn', 'matplotlib'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "set()"


def test_a_waiting_run_waits_without_tables():
    """Dozens may wait; numpy, pandas and pyarrow would take 40 MB of each."""
    code = "import sys, core.cli.train; print({'numpy', 'pandas', 'pyarrow'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "set()"
