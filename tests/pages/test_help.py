"""Every control says in a sentence what it does."""

import ast
from pathlib import Path

PAGES = Path(__file__).parents[2] / "pages"
CONTROLS = {
    "button", "checkbox", "date_input", "download_button", "file_uploader", "multiselect",
    "number_input", "one_of", "pills", "popover", "radio", "segmented_control", "select_slider",
    "selectbox", "slider", "text_area", "text_input", "toggle",
}  # fmt: skip


def controls(path):
    """Yield the calls that show a control, with the names of their arguments."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name in CONTROLS:
                yield name, node.lineno, {keyword.arg for keyword in node.keywords}


def test_every_control_has_its_help():
    found = 0
    for path in sorted(PAGES.rglob("*.py")):
        if path.name == "views.py":
            continue  # what other modules make controls of
        for name, line, arguments in controls(path):
            found += 1
            # None stands for **settings.
            assert arguments & {"help", None}, f"{path.relative_to(PAGES)}:{line}: {name}"
    assert found > 200
