"""Pages run as a reader sees them: through app.py, on a lab home of their own."""

from pathlib import Path

import pytest
import torch
from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from core.runs.process import local
from pages.parts.shared import page
from pages.parts.training import preflight
from tests.salts import write_salts

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(autouse=True)
def app_has_run(monkeypatch):
    """As in a server that has run app.py once; AppTest forgets that at every run."""
    begin = PagesManager.__init__

    def begin_with_navigation(self, *args, **kwargs):
        begin(self, *args, **kwargs)
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", begin_with_navigation)


@pytest.fixture(autouse=True)
def no_search_for_components(monkeypatch):
    """AppTest reads what every installed package says of itself; the pages use no such component.

    It takes half the time of many tests.
    """
    monkeypatch.setattr(
        BidiComponentManager, "discover_and_register_components", lambda *_, **__: None
    )


@pytest.fixture(autouse=True)
def short_commands(monkeypatch):
    """Commands as the pages write them, without this machine's paths."""
    monkeypatch.setattr("pages.parts.shared.page.shell_line", str)


@pytest.fixture(autouse=True)
def boxes_are_open(monkeypatch):
    """As if the reader had opened the box of commands, which is sent empty."""
    monkeypatch.setattr(page, "is_open", lambda _: True)


@pytest.fixture
def visit(home, monkeypatch):
    """Open a page, optionally with the query of a share link, and check that nothing broke."""
    monkeypatch.chdir(ROOT)

    def open_page(name: str | None = None, **query: str | list[str]) -> AppTest:
        at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300)
        for key, value in query.items():
            at.query_params[key] = value
        if name is not None:
            at.switch_page(f"pages/{name}.py")
        at.run()
        assert not at.exception, at.exception
        return at

    return open_page


@pytest.fixture
def tiny_lab(home):
    """The lab has a data set of a few tiny frames, and one thread to look at it."""
    torch.set_num_threads(1)
    write_salts(home, forces=True)


@pytest.fixture(autouse=True)
def no_previews(monkeypatch):
    """Pages look no run over before its start, which takes seconds of every visit."""
    monkeypatch.setattr(preflight, "computed_apart", lambda _: None)
    monkeypatch.setattr(preflight, "estimated_seconds", lambda _: None)


@pytest.fixture
def looks(no_previews, monkeypatch):
    """The settings that were looked at, without the work."""
    asked = []
    monkeypatch.setattr(preflight, "computed_apart", asked.append)
    monkeypatch.setattr(preflight, "estimated_seconds", asked.append)
    preflight.previews.clear()
    yield asked
    preflight.previews.clear()


@pytest.fixture
def launched(monkeypatch):
    """The runs that would have been started."""
    runs = []
    monkeypatch.setattr(local, "launch", runs.append)
    return runs


@pytest.fixture(autouse=True)
def no_look_outlives_its_test(monkeypatch):
    """What the preview still computes in the background ends while the test's lab is there."""
    yield
    preflight.previews()._worker.shutdown(wait=True, cancel_futures=True)
    preflight.previews.clear()
