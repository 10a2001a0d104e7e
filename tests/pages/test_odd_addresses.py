"""Empty and odd values in a page's address count as the default."""

import ast
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[2]
CHOICES = ("view", "fit", "fitted", "functionals", "of", "match", "explained", "shown", "which")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))


@pytest.mark.parametrize("page", ["energy_shifts", "atomref", "importance"])
def test_empty_choices_are_the_default(page):
    app = AppTest.from_file(ROOT / "app.py", default_timeout=300)
    app.switch_page(f"pages/{page}.py")
    for name in CHOICES:
        app.query_params[name] = ""
    app.run()
    assert not app.exception, app.exception


@pytest.mark.parametrize("value", ["1e999", "nan"])
def test_odd_numbers_are_the_default(value):
    app = AppTest.from_file(ROOT / "app.py", default_timeout=300)
    app.switch_page("pages/offset.py")
    for name in ("most", "step"):
        app.query_params[name] = value
    app.run()
    assert not app.exception, app.exception


def test_every_switch_in_an_address_has_a_default():
    for path in (ROOT / "pages").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                given = {keyword.arg for keyword in node.keywords}
                bound = node.func.attr == "segmented_control" and "bind" in given
                assert not bound or path.name == "views.py", f"{path}: use one_of"
