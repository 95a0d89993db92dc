"""Parses metrics as Prometheus does."""

from collections.abc import Mapping

import httpx
from prometheus_client.parser import text_string_to_metric_families

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(url: str) -> Samples:
    """All samples at `url` by name and labels."""
    answer = httpx.get(url, trust_env=False, verify=False, timeout=30)
    assert answer.status_code == 200
    return samples(answer.text)


def samples(text: str) -> Samples:
    """All samples of an exposition by name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(found: Samples, name: str, **labels: str) -> float:
    """One sample; 0 if it is missing, as in a sum over instances."""
    return found.get((f"superimpose_{name}", frozenset(labels.items())), 0.0)
