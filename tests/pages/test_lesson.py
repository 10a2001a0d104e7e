"""Lesson: every step has its figure, its question and its task; a class has one run."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from core.figures.base.enlarged import enlarged
from core.figures.shifts.waterfall import Step, waterfall
from core.home import runs_dir
from core.runs.groups import lesson
from core.runs.record.directory import Run
from core.runs.record.listing import list_runs
from pages.parts.lesson.story import STEPS
from tests.test_docs import parsed


@pytest.fixture
def launches(monkeypatch):
    started = []
    monkeypatch.setattr(lesson, "launch", started.append)
    monkeypatch.setattr(lesson, "resume", lambda run: started.append(("again", run)))
    return started


def figures(at):
    return [chart.proto.spec for chart in at.get("plotly_chart")]


@pytest.mark.parametrize("key", STEPS)
def test_every_step_has_one_figure_a_question_and_something_to_try(visit, key):
    number = list(STEPS).index(key) + 1
    at = visit("lesson", view=f"{number}. {STEPS[key].title}")
    assert [box.value for box in at.subheader] == [STEPS[key].title]
    assert len(figures(at)) == 1
    assert at.expander[0].label == STEPS[key].question
    assert any("Try it." in text.value for text in at.markdown)
    assert not at.error


def test_commands_are_commands(home):
    for step in STEPS.values():
        parsed(step.command or lesson.lesson_command())


def test_next_and_previous_walk_through_all_steps_to_the_glossary(visit):
    at = visit("lesson")
    seen = [at.subheader[0].value]
    assert at.button(key="Previous").disabled
    for _ in list(STEPS)[1:]:
        at.button(key="Next").click().run()
        seen.append(at.subheader[0].value)
    assert seen == [step.title for step in STEPS.values()]
    at.button(key="Next").click().run()
    assert not at.subheader
    assert any(text.value.startswith("**AtomRef**: One reference") for text in at.markdown)
    assert at.button(key="Next").disabled
    at.button(key="Previous").click().run()
    assert at.subheader[0].value == STEPS["scaling"].title


def test_presented_a_step_is_its_sentence_and_its_larger_figure(visit):
    usual = visit("lesson")
    large = visit("lesson", present="true")
    texts = [text.value for text in large.markdown]
    assert STEPS["disagree"].lead in texts
    assert STEPS["disagree"].text not in texts
    assert not any("Try it." in text for text in texts)
    assert figures(large) != figures(usual)


def test_a_class_starts_one_run(visit, launches):
    """Thirty readers who click at once."""
    with ThreadPoolExecutor(30) as pool:
        runs = list(pool.map(lambda _: lesson.start_lesson(), range(30)))
    assert len(launches) == 1
    assert {run.path for run in runs} == {runs_dir() / "lesson"}
    assert [run.id for run in list_runs()] == ["lesson"]


def test_the_button_starts_the_run_and_everybody_sees_it(visit, launches):
    address = {"view": f"6. {STEPS['live'].title}"}
    at = visit("lesson", **address)
    at.button(key="start-lesson").click().run()
    assert [run.id for run in launches] == ["lesson"]
    other = visit("lesson", **address)
    assert not [button for button in other.button if button.key == "start-lesson"]
    run = Run(runs_dir() / "lesson")
    assert run.config == lesson.CONFIG
    run.update(state="failed", message="The disk is full.")
    stopped = visit("lesson", **address)
    assert "disk is full" in stopped.warning[0].value
    stopped.button(key="start-lesson").click().run()
    assert launches[1:] == [("again", run)]
    run.update(state="finished", ended=2.0, started=1.0)
    assert visit("lesson", **address).success
    lesson.start_lesson()
    assert len(launches) == 2
    assert lesson.lesson_command() == "atomref runs show lesson"


def test_recorded_runs_are_of_the_lesson_s_settings():
    gradients, curves = lesson.recorded("gradients"), lesson.recorded("curves")
    for table in (gradients, curves):
        assert set(table["method"]) == {"frozen", "refit", "residual"}
    assert gradients["epoch"].max() == curves["x"].max() == lesson.CONFIG.epochs
    first = curves[curves["x"] == 0].set_index("method")["value"]
    assert first["frozen"] > 5 * first["refit"] > 50 * first["residual"]


def test_enlarged_type_is_larger_and_the_figure_stays_as_it_was():
    figure = waterfall([Step(name="a", value=1.0, color="#000000")], title="MAE", dark=False)
    before = figure.to_json()
    large = enlarged(figure)
    assert figure.to_json() == before
    assert large.layout.height == round(1.1 * figure.layout.height)
    assert large.layout.template.layout.font.size == round(
        1.4 * figure.layout.template.layout.font.size
    )
    assert large.to_dict()["data"][0]["y"] == figure.to_dict()["data"][0]["y"]
