"""The share link: what a page holds is in its address, and an address restores the page."""

import shlex

import pytest
from typer.main import get_group

from core.cli import app as cli
from core.cli.report import report_of
from core.runs.results.comparison import label_of
from pages.parts.shared import page
from tests.pages.example_runs import make_run


def link(at):
    """Open Share and return what it shows."""
    at.session_state["share"] = True
    at.run()
    assert not at.exception, at.exception
    return at.code[0].value


@pytest.mark.parametrize(
    ("page", "query", "held"),
    [
        ("energy_shifts", {"elements": ["O", "Fe"]}, {"elements": ["O", "Fe"]}),
        ("energy_shifts", {"view": "By column", "against": "Chemistry"}, {"against": "chemistry"}),
        ("energy_shifts", {"view": "By element", "few": "30"}, {"view": "element", "few": 30}),
        ("energy_shifts", {"view": "Data efficiency", "seed": "4"}, {"view": "few", "seed": 4}),
        ("transfer", {"epochs": "7", "batch": "4"}, {"epochs": 7, "batch": 4}),
        (
            "energy_shifts",
            {"elements": ["O", "Fe"], "match": "any of them"},
            {"elements": ["O", "Fe"], "match": "any"},
        ),
        ("scaling", {"view": "Sweeps", "sizes": "50, 150"}, {"sizes": "50, 150"}),
        ("atomref", {"formula": "<b>Fe</b>"}, {"formula": "<b>Fe</b>"}),
        ("data", {"set": "mp-structures"}, {}),
    ],
)
def test_a_link_restores_the_page_and_is_shared_again(visit, page, query, held):
    at = visit(page, **query)
    assert {key: at.session_state[key] for key in held} == held
    shared = link(at)
    for name in query:
        assert f"{name}=" in shared
    assert "<" not in shared


@pytest.mark.usefixtures("tiny_lab")
def test_pages_and_runs_are_kept_for_one_report(visit):
    run = make_run()
    at = visit("transfer", run=run.id)
    link(at)
    assert at.multiselect[-1].value == [run.id]
    at.button(key="keep-for-report").click().run()
    at.switch_page("pages/scaling.py").run()
    link(at)
    kept, line = at.multiselect[-1].value
    assert kept == run.id
    assert line.startswith("atomref scaling ")
    (command,) = [code.value for code in at.code if " report " in code.value]
    words = shlex.split(command)[-4:]
    assert words == [run.id, line.removeprefix("atomref "), "--out", "report.html"]
    told = [section.title for section in report_of(words[:2]).sections]
    assert told[0] == label_of(run)
    assert told[1].startswith("Scaling: ")


def test_a_page_without_figures_reports_nothing(visit):
    at = visit("data")
    link(at)
    assert "Report on" not in [one.label for one in at.multiselect]


@pytest.mark.parametrize("page", [None, "data", "energy_shifts", "atomref", "transfer", "runs"])
def test_every_page_can_be_shared(visit, page):
    at = visit(page)
    assert "Share" in {one.proto.popover.label for one in at.get("popover")}
    assert "?" not in link(at), "a page as it begins needs no query"


@pytest.mark.parametrize("page", ["data", "energy_shifts", "atomref", "transfer"])
def test_every_page_shows_commands_that_exist(visit, page):
    at = visit(page)
    lines = [line for code in at.code for line in code.value.splitlines()]
    told = [shlex.split(line) for line in lines if line.startswith("atomref ")]
    assert told
    known = get_group(cli).list_commands(None)
    assert all(words[1] in known for words in told)


@pytest.mark.parametrize(
    ("page", "query", "held"),
    [
        ("energy_shifts", {"view": "How little data"}, {"view": "few"}),
        (
            "scaling",
            {"view": "What to compute next", "covered": "Materials there"},
            {"covered": "materials"},
        ),
        ("formation", {"references": "a table of mine (CSV)"}, {"references": "table"}),
        ("transfer", {"model": "A checkpoint of my own"}, {"model": "upload"}),
        ("atomref", {"view": "How sure"}, {"view": "Uncertainty"}),
        ("atomref", {"view": "Single materials"}, {"view": "Influence"}),
    ],
)
def test_a_link_with_a_former_label_still_opens(visit, page, query, held):
    at = visit(page, **query)
    assert {key: at.session_state[key] for key in held} == held


def test_commands_are_sent_when_their_box_is_opened(visit, monkeypatch):
    monkeypatch.setattr(page, "is_open", lambda box: box.open)
    at = visit("data")
    assert not at.code
    at.session_state["atomref datasets list"] = True
    assert at.run().code[0].value.startswith("atomref datasets list")
