"""GET /metrics: what the process tells Prometheus of its sessions and actors, and whom it tells."""

from prometheus_client.parser import text_string_to_metric_families

from balto.app import Balto
from balto.listening import Collector, listen
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
