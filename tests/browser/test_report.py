"""A report opens from a disk, without a server and without a network."""

import pytest
from playwright.sync_api import expect

from core.report.archive import write_report
from core.report.build import report_on
from tests.pages.example_runs import make_run
from tests.salts import write_salts


@pytest.mark.filterwarnings("ignore")
def test_every_figure_is_drawn_offline(page, tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    write_salts(tmp_path, forces=True)
    report = report_on([make_run(name="<b>Salt</b>").id, make_run(method="refit").id])
    write_report(report, tmp_path / "report.html")
    page.context.set_offline(True)
    page.goto((tmp_path / "report.html").as_uri())
    figures = [figure for section in report.sections for figure in section.figures]
    plots = page.locator(".js-plotly-plot")
    expect(plots).to_have_count(len(figures))
    for place, figure in enumerate(figures):
        plot = plots.nth(place)
        expect(plot.locator(".main-svg").first).to_be_visible()
        expect(plot.locator(".xtitle").first).to_have_text(figure.figure.layout.xaxis.title.text)
        # Each line has its points.
        expect(plot.locator(".scatterlayer .trace")).to_have_count(
            sum(bool(len(trace.x)) for trace in figure.figure.data)
        )
    expect(page.get_by_role("link", name="<b>Salt</b>")).to_be_visible()
    assert not page.foreign
    assert not page.errors
