"""Overview: the state of the lab and the way through it."""

import json


def test_state_and_steps(visit):
    at = visit()
    assert at.title[0].value == "AtomRef Lab"
    found = {metric.label: metric.value for metric in at.metric}
    assert found == {"Data sets": "3", "Pretrained models": "2", "Runs": "0", "Running now": "0"}
    assert [link.proto.page for link in at.get("page_link")] == [
        "lesson",
        "energy_shifts",
        "atomref",
        "importance",
        "offset",
        "transfer",
        "experiments",
        "stability",
        "scaling",
        "scaling",
    ]
    assert at.get("page_link")[-1].proto.query_string == "view=Plan"
    assert any("s41524-025-01796-y" in text.value for text in at.markdown)


def test_the_embedded_pairs_before_and_after(visit):
    at = visit()
    before, after = (json.loads(chart.proto.spec) for chart in at.get("plotly_chart"))
    assert "Total energy, r = 0.156" in before["layout"]["annotations"][0]["text"]
    assert "Scaled energy, r = 0.988" in after["layout"]["annotations"][0]["text"]
    assert any("model-labelled, not DFT" in text.value for text in at.markdown)
