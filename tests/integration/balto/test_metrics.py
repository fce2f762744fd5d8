"""GET /metrics: what the process tells Prometheus of its sessions and actors, and whom it tells."""

import dataclasses

import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from balto.app import Balto
from balto.listening import Collector, listen
from balto.place import Colleagues, Place
from balto.sessions import Overloaded
from balto.web.server import build_app
from events.store import StoreUnavailableError
from tests.integration.balto.door import AFAR, Client, log_in
from tests.recordings import conversation


async def figures(client: Client) -> dict[tuple[str, str], float]:
    response = await client.get("/metrics")
    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/plain")
    return {
        (sample.name, sample.labels.get("actor", "")): sample.value
        for family in text_string_to_metric_families(await response.text())
        for sample in family.samples
    }


async def test_every_actor_of_a_session_is_measured(client: Client, balto: Balto) -> None:
    before = await figures(client)
    collector = Collector()
    await listen(balto.sessions, conversation("dor_de_cabeca").tobytes(), collector=collector)
    after = await figures(client)
    for actor in ("SessionActor", "AudioActor", "VadActor", "ExaminerActor", "SttActor", "LlmActor"):
        handled = ("balto_actor_handled_total", actor)
        assert after[handled] > before.get(handled, 0.0)
        assert after["balto_actor_handling_mean_seconds", actor] > 0
        assert ("balto_actor_depth", actor) in after
        assert ("balto_actor_wait_max_seconds", actor) in after
    assert after["balto_sessions", ""] == 0


async def test_figures_are_for_who_runs_the_server(client: Client) -> None:
    assert (await client.get("/metrics", headers=AFAR)).status == 401
    await log_in(client)
    assert (await client.get("/metrics", headers=AFAR)).status == 200


async def test_a_watcher_reads_figures_and_nothing_else(client: Client, balto: Balto) -> None:
    token = "um token só de figuras"
    watching = {**AFAR, "Authorization": f"Bearer {token}"}
    assert (await client.get("/metrics", headers=watching)).status == 401
    balto.library.settings.metrics_token = SecretStr(token)
    assert (await client.get("/metrics", headers=watching)).status == 200
    assert (await client.get("/metrics", headers={**AFAR, "Authorization": f"Bearer {token}x"})).status == 401
    for path in ("/api/v1/sessions", "/api/v1/events", "/api/data/interacoes"):
        assert (await client.get(path, headers=watching)).status == 401


async def test_phrases_hops_calls_waits_and_read_models_are_told(client: Client, balto: Balto) -> None:
    await listen(balto.sessions, conversation("dor_de_cabeca").tobytes(), collector=Collector())
    text = await (await client.get("/metrics")).text()
    told = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    heard = sum(value for key, value in told.items() if key[0] == "balto_phrases_total")
    assert heard > 0
    assert told["balto_phrases_hurried_total",] == heard  # a file at once: its phrases wait for one another
    assert told["balto_hop_seconds_count", ("hop", "stt")] == 0
    assert sum(value for key, value in told.items() if key[0] == "balto_provider_calls_total") >= 2
    assert told["balto_mailbox_wait_seconds_count", ("actor", "SessionActor")] > 0
    assert ("balto_projection_lag_events", ("projection", "phrase_timeline")) in told
    assert told["balto_projection_live", ("projection", "phrase_timeline")] == 1


async def test_what_needs_no_database_is_told_without_it(
    client: Client, balto: Balto, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away() -> None:
        raise StoreUnavailableError("away")

    monkeypatch.setattr(balto.library.projector, "status", away)
    response = await client.get("/metrics")
    assert response.status == 200
    told = await response.text()
    assert "balto_sessions " in told
    assert "balto_database_answers 0.0" in told.splitlines()


class OneOfThreeIsGone(Colleagues):
    async def at_work(self) -> int:
        return 2


async def test_workers_that_are_wanted_and_alive_are_told_once(client: Client, balto: Balto) -> None:
    told = (await (await client.get("/metrics")).text()).splitlines()
    assert {"balto_workers_wanted 1.0", "balto_workers_alive 1.0"} <= set(told)
    short = dataclasses.replace(balto, place=Place(of=3, colleagues=OneOfThreeIsGone()))
    async with TestClient(TestServer(build_app(short))) as other:
        told = (await (await other.get("/metrics")).text()).splitlines()
    assert [line for line in told if line.startswith("balto_workers")] == [
        "balto_workers_wanted 3.0",
        "balto_workers_alive 2.0",
    ]


async def test_sessions_that_are_not_taken_are_counted(client: Client, balto: Balto) -> None:
    before = await (await client.get("/metrics")).text()
    assert 'balto_sessions_refused_total{reason="sessions"} 0.0' in before.splitlines()
    assert "balto_database_answers 1.0" in before.splitlines()
    balto.sessions._max_sessions = 0
    with pytest.raises(Overloaded):
        await listen(balto.sessions, conversation("tosse").tobytes(), collector=Collector())
    after = await (await client.get("/metrics")).text()
    assert 'balto_sessions_refused_total{reason="sessions"} 1.0' in after.splitlines()
