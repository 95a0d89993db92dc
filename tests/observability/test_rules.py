"""Each alert fires and stays silent when it must, and links to its runbook."""

import re

import pytest
import yaml

from tests.observability.promql import FOLDER, ROOT, RULES, promtool

PAGE = (ROOT / "docs/monitoring.md").read_text()
UNITS = {"m": "minute", "s": "second"}
TESTS = yaml.safe_load((FOLDER / "alerts.test.yml").read_text())["tests"]


def test_the_configuration_of_prometheus_is_valid():
    checked = promtool("check", "config", str(FOLDER / "prometheus.yml"))
    assert checked.returncode == 0, checked.stderr


def test_each_alert_fires_when_it_must_and_is_silent_when_it_must_be():
    tested = promtool("test", "rules", str(FOLDER / "alerts.test.yml"))
    assert tested.returncode == 0, tested.stdout + tested.stderr


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_has_tests_for_firing_and_silence(rule):
    cases = [case for test in TESTS for case in test["alert_rule_test"] if case["alertname"] == rule["alert"]]
    assert {bool(case["exp_alerts"]) for case in cases} == {True, False}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_has_a_severity_and_a_runbook(rule):
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert "for" in rule
    anchor = f"docs/monitoring.md#{rule['alert'].lower()}"
    assert rule["annotations"]["description"].rstrip().endswith(anchor)
    duration = re.sub(r"(\d+)([ms])", lambda found: f"{found[1]} {UNITS[found[2]]}", rule["for"])
    heading = f"### {rule['alert']}\n\n*{rule['labels']['severity']}, {duration}"
    assert re.search(rf"^{re.escape(heading)}s?\*:", PAGE, re.MULTILINE)


def test_the_page_has_no_alert_that_does_not_exist():
    assert set(re.findall(r"^### (Superimpose\w+)$", PAGE, re.MULTILINE)) == {rule["alert"] for rule in RULES}
