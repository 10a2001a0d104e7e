"""Overview: the state of the lab and the way through it."""


def test_state_and_steps(visit):
    at = visit()
    assert at.title[0].value == "AtomRef Lab"
    found = {metric.label: metric.value for metric in at.metric}
    assert found == {"Data sets": "3", "Pretrained models": "2", "Runs": "0", "Running now": "0"}
    assert [link.proto.page for link in at.get("page_link")] == [
        "energy_shifts",
        "atomref",
        "importance",
        "offset",
        "transfer",
        "experiments",
        "scaling",
        "scaling",
    ]
    assert at.get("page_link")[-1].proto.query_string == "view=Plan"
    assert "s41524-025-01796-y" in at.markdown[1].value
