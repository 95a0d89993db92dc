"""The dashboard is valid for Grafana and shows what it should."""

import itertools
import re

import pytest
import yaml

from tests.observability.promql import DASHBOARD, FOLDER, dashboard_queries, panels, promtool

SHOWN = {  # question of an operator -> metric that answers it
    "queue depth": "superimpose_requests_waiting",
    "age of the oldest": "superimpose_oldest_waiting_seconds",
    "accepted": "superimpose_requests_accepted_total",
    "finished and failed by code": "superimpose_requests_finished_total",
    "time of each stage": "superimpose_stage_seconds_bucket",
    "HTTP by route and code": "superimpose_http_requests_total",
    "HTTP times": "superimpose_http_request_seconds_bucket",
    "workers": "superimpose_workers",
    "cache hits": "superimpose_cache_hits_total",
    "Redis's memory": "superimpose_redis_memory_bytes",
    "Redis's time": "superimpose_redis_seconds_bucket",
    "credits": "superimpose_credits_total",
    "retries": "superimpose_retries_total",
    "redeliveries": "superimpose_redeliveries_total",
    "events of webhooks": "superimpose_webhook_events_total",
    "attempts at them": "superimpose_webhook_attempts_total",
    "age of the oldest of them": "superimpose_webhook_oldest_due_seconds",
}


@pytest.mark.parametrize("metric", SHOWN.values(), ids=SHOWN.keys())
def test_it_shows(metric):
    assert any(metric in query for _, query in dashboard_queries())


def test_promtool_reads_every_query(tmp_path):
    rules = [{"record": f"query:{at}", "expr": query} for at, (_, query) in enumerate(dashboard_queries())]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    checked = promtool("check", "rules", str(path))
    assert checked.returncode == 0, checked.stderr


def test_its_data_source_is_provisioned():
    (source,) = yaml.safe_load((FOLDER / "grafana/datasources/prometheus.yml").read_text())["datasources"]
    wanted = {"type": source["type"], "uid": source["uid"]}
    assert all(part["datasource"] == wanted for panel in panels() for part in (panel, *panel["targets"]))
    (provider,) = yaml.safe_load((FOLDER / "grafana/dashboards/provider.yml").read_text())["providers"]
    assert provider["options"]["path"] == "/etc/grafana/provisioning/dashboards"


def test_panels_have_unique_names_and_descriptions_and_do_not_overlap():
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    assert len({panel["title"] for panel in panels()}) == len(list(panels()))
    for panel in panels():
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
    for one, other in itertools.combinations((panel["gridPos"] for panel in DASHBOARD["panels"]), 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above


def test_lines_are_named_by_labels_that_their_query_keeps():
    for panel in panels():
        for target in panel["targets"]:
            kept = re.findall(r"by \(([^)]*)\)", target["expr"])
            for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                assert all(label in labels.split(", ") for labels in kept), panel["title"]
                assert kept
