"""The dashboard and the alerts ask for figures that /metrics tells, by labels that these have."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from balto.app import Balto
from balto.listening import Collector, listen
from tests.integration.balto.door import Client
from tests.recordings import conversation

DEPLOY = Path(__file__).parents[3] / "deploy"
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}
OF_PROMETHEUS = {"up": {"job", "instance"}}


def in_dashboard() -> list[str]:
    document = json.loads((DEPLOY / "grafana" / "dashboards" / "balto.json").read_text())
    return [target["expr"] for panel in document["panels"] for target in panel.get("targets", [])]


def in_alerts() -> list[str]:
    document = yaml.safe_load((DEPLOY / "alerts.yml").read_text())
    return [rule["expr"] for group in document["groups"] for rule in group["rules"]]


def asked(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Give each name of figures in an expression with the labels that it selects or sums by."""
    by = {label.strip() for labels in re.findall(r"\bby \(([^)]*)\)", expression) for label in labels.split(",")}
    for name, selected in re.findall(r"\b(balto_\w+|up)\b(?:\{([^}]*)\})?", expression):
        yield name, by | set(re.findall(r"(\w+)\s*(?:=|!|~)", re.sub(r'"[^"]*"', "", selected)))


async def told(client: Client) -> dict[str, set[str]]:
    names: dict[str, set[str]] = {}
    text = await (await client.get("/metrics")).text()
    for family in text_string_to_metric_families(text):
        for suffix in SUFFIXES.get(family.type, ("",)):
            names[family.name + suffix] = {"job", "instance"}
        for sample in family.samples:
            names.setdefault(sample.name, {"job", "instance"}).update(sample.labels)
    return names


async def test_every_figure_that_is_looked_at_is_told(client: Client, balto: Balto) -> None:
    await listen(balto.sessions, conversation("dor_de_cabeca", "tosse").tobytes(), collector=Collector())
    names: dict[str, set[Any]] = {**await told(client), **OF_PROMETHEUS}
    # Told only once there has been one.
    names["balto_dead_letters_by_reason_total"].add("reason")
    expressions = in_dashboard() + in_alerts()
    assert len(expressions) > 25
    wanted = [(expression, name, labels) for expression in expressions for name, labels in asked(expression)]
    assert [name for _, name, _ in wanted if name not in names] == []
    assert [(text, labels - names[name]) for text, name, labels in wanted if not labels <= names[name]] == []


async def test_every_family_that_an_operator_would_miss_is_on_the_dashboard(client: Client) -> None:
    shown = {name for expression in in_dashboard() for name, _ in asked(expression)}
    roots = {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in shown}
    assert {
        "balto_sessions",
        "balto_sessions_awake",
        "balto_phrases",
        "balto_hop_seconds",
        "balto_provider_calls",
        "balto_mailbox_wait_seconds",
        "balto_projection_lag_events",
        "balto_projection_live",
        "balto_dead_letters_by_reason",
        "balto_resident_bytes",
        "balto_workers_alive",
    } <= roots


def test_a_name_that_is_not_told_would_be_found() -> None:
    expression = 'sum by (hop, engine) (rate(balto_calls_total{outcome!~"a|b", x="y"}[5m])) > up{job="balto"}'
    assert dict(asked(expression)) == {
        "balto_calls_total": {"hop", "engine", "outcome", "x"},
        "up": {"hop", "engine", "job"},
    }
