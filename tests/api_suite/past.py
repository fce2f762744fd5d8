"""What is known afterwards: interactions, metrics, presets, sessions, events, read models, figures."""

import asyncio
from typing import Any, Final

from tests.api_suite.rest import expect_status
from tests.api_suite.suite import Part, Skipped, expect
from tests.api_suite.visit import Visit, keys_of

COUNTERS: Final = Part("Counters and their presets")
PAST: Final = Part("What happened")

_INTERACTION: Final = {"session_id", "phrase", "tenant", "counter_id", "at", "text", "categories", "items"} | {
    "recommendation_id",
    "answer",
}
_METRICS: Final = {"audio_ms", "stt_ms", "ai1_ms", "ai2_ms", "ws_ms", "total_ms", "pitch_mean_hz", "snr_db"}
_PERSONAL: Final = {"text", "words", "span", "key_sha256"}


@COUNTERS.check("GET /api/admin/client/{codigo}/balcoes lists the client's counters; 401 for others", needs_admin=True)
async def listed(visit: Visit) -> None:
    path = f"/api/admin/client/{visit.code}/balcoes"
    answer = await visit.call("GET", path, as_admin=True)
    expect_status(answer, 200)
    expect({one["balcao_id"] for one in answer.json} == {one.id for one in visit.counters}, "other counters")
    expect(keys_of(answer.json) == {"balcao_id", "nome_balcao", "threshold_multiplier", "min_energy"}, "other keys")
    expect_status(await visit.call("GET", path), 401)
    expect_status(await visit.call("GET", "/api/admin/client/desconhecido/balcoes", as_admin=True), 404)


@COUNTERS.check("PUT /api/admin/balcao/{id}/vad: validated, 404 for an unknown id, and kept", needs_admin=True)
async def preset(visit: Visit) -> None:
    path = f"/api/admin/balcao/{visit.counters[1].id}/vad"
    wanted = {"threshold_multiplier": 2.0, "min_energy": 150.0}
    expect_status(await visit.call("PUT", path, as_admin=True, json={"threshold_multiplier": 99}), 400)
    answer = await visit.call("PUT", path, as_admin=True, json=wanted)
    expect_status(answer, 200)
    expect(answer.json["status"] == "updated", f"says {answer.json}")
    shown = (await visit.call("GET", f"/api/admin/client/{visit.code}/balcoes", as_admin=True)).json
    kept = next(one for one in shown if one["balcao_id"] == visit.counters[1].id)
    expect({name: kept[name] for name in wanted} == wanted, f"kept {kept}")
    expect_status(await visit.call("PUT", "/api/admin/balcao/desconhecido/vad", as_admin=True, json=wanted), 404)
    expect_status(await visit.call("PUT", path, json=wanted), 401)
    expect_status(await visit.call("PUT", path, key=visit.counters[1].key, json=wanted), 403)


@COUNTERS.check("GET and PUT /api/admin/balcao/{id}/preferencias: what is left out stays", needs_admin=True)
async def preferences(visit: Visit) -> None:
    path = f"/api/admin/balcao/{visit.counters[1].id}/preferencias"
    expect_status(await visit.call("PUT", path, as_admin=True, json={"orcamento_diario_usd": -1}), 400)
    expect_status(await visit.call("PUT", path, as_admin=True, json={"orcamento_diario_usd": 2.5}), 200)
    expect_status(await visit.call("PUT", path, as_admin=True, json={"caminho_rapido": False}), 200)
    kept = (await visit.call("GET", path, as_admin=True)).json
    expect((kept["orcamento_diario_usd"], kept["caminho_rapido"]) == (2.5, False), f"kept {kept}")


@PAST.check("GET /api/data/balcao/{id}/metricas: for the counter's own key; another's is 403, nobody is 401")
async def metrics(visit: Visit) -> None:
    one, other = visit.counters
    path = f"/api/data/balcao/{one.id}/metricas"
    answer = await visit.call("GET", path, key=one.key)
    expect_status(answer, 200)
    expect(answer.json["balcao_id"] == one.id, "another counter's")
    rows = answer.json["interacoes"]
    expect(0 < len(rows) <= 50, f"{len(rows)} rows")
    expect(keys_of(rows) >= _METRICS, f"missing: {_METRICS - keys_of(rows)}")
    expect("text" not in keys_of(rows), "what was said is in the metrics")
    expect(any(row["total_ms"] is not None for row in rows), "no recommendation has a latency")
    expect_status(await visit.call("GET", path, key=other.key), 403)
    expect_status(await visit.call("GET", path), 401)


@PAST.check("GET /api/data/interacoes: what was said and advised, with the counter's answer", needs_admin=True)
async def interactions(visit: Visit) -> None:
    answer = await visit.call("GET", f"/api/data/interacoes?codigo={visit.code}", as_admin=True)
    expect_status(answer, 200)
    rows: list[dict[str, Any]] = answer.json
    expect(0 < len(rows) <= 50, f"{len(rows)} interactions")
    expect(keys_of(rows) == _INTERACTION, f"keys: {sorted(keys_of(rows) ^ _INTERACTION)}")
    expect({row["tenant"] for row in rows} == {visit.code}, "another client's")
    answered = [row for row in rows if row["recommendation_id"] == visit.recommendation]
    expect(answered and answered[0]["answer"] == "aceita", "the answer `aceita` is not there")
    expect(answered[0]["text"], "no text")
    expect_status(await visit.call("GET", "/api/data/interacoes"), 401)
    expect_status(await visit.call("GET", "/api/data/interacoes", key=visit.counters[0].key), 403)


@PAST.check("GET /api/v1/sessions and a session's timeline, biometrics and events", needs_admin=True)
async def sessions(visit: Visit) -> None:
    answer = await visit.call("GET", f"/api/v1/sessions?codigo={visit.code}&limit=500", as_admin=True)
    expect_status(answer, 200)
    known = {row["session_id"] for row in answer.json["sessions"]}
    expect(set(visit.sessions) <= known, "a session is missing")
    visit.sessions = sorted(known)
    spoken = next(row["session_id"] for row in answer.json["sessions"] if row["phrases"] >= 2)
    timeline = (await visit.call("GET", f"/api/v1/sessions/{spoken}/timeline", as_admin=True)).json
    expect(timeline["phrases"] and timeline["phrases"][0]["outcome"], "no outcome in the timeline")
    biometrics = (await visit.call("GET", f"/api/v1/sessions/{spoken}/biometrics", as_admin=True)).json
    expect(all(row["snr_db"] is not None for row in biometrics["biometrics"]), "a phrase was not measured")
    events = (await visit.call("GET", f"/api/v1/sessions/{spoken}/events?limit=1000", as_admin=True)).json
    types = [event["type"] for event in events["events"]]
    expect(types[0] == "SessionStarted", f"begins with {types[0]}")
    expect("PhraseCaptured" in types and "SessionEnded" in types, "phrases or the end are missing")
    positions = [event["stream_position"] for event in events["events"]]
    expect(positions == list(range(1, len(positions) + 1)), "positions have holes")
    expect_status(await visit.call("GET", f"/api/v1/sessions/{spoken}/events"), 401)


@PAST.check("GET /api/v1/events: the client's events in order, nothing personal in them", needs_admin=True)
async def events(visit: Visit) -> None:
    answer = await visit.call("GET", f"/api/v1/events?codigo={visit.code}&limit=1000", as_admin=True)
    expect_status(answer, 200)
    rows = answer.json["events"]
    expect({row["tenant"] for row in rows} == {visit.code}, "another client's")
    positions = [row["position"] for row in rows]
    expect(positions == sorted(set(positions)), "positions are not in order")
    expect(not keys_of(row["data"] for row in rows) & _PERSONAL, "something personal is told")
    expect_status(await visit.call("GET", f"/api/v1/events?codigo={visit.code}"), 401)


@PAST.check("GET /api/v1/projections/{name}: rows of one client; the same again is 304", needs_admin=True)
async def projections(visit: Visit) -> None:
    known = (await visit.call("GET", "/api/v1/projections", as_admin=True)).json["projections"]
    expect({"phrase_timeline", "interactions"} <= {row["name"] for row in known}, "read models are missing")
    path = f"/api/v1/projections/phrase_timeline?codigo={visit.code}&limit=5000"
    answer = await visit.call("GET", path, as_admin=True)
    expect_status(answer, 200)
    expect(answer.json["rows"], "no rows")
    csv = await visit.call("GET", f"{path}&format=csv".replace("&limit=5000", ""), as_admin=True)
    expect(csv.body.count(b"\n") == len(answer.json["rows"]) + 1, "CSV has other rows")
    for _ in range(5):
        # Others may write meanwhile.
        tag = (await visit.call("GET", path, as_admin=True, quiet=True)).headers["ETag"]
        if (await visit.call("GET", path, as_admin=True, headers={"If-None-Match": tag})).status == 304:
            return
        await asyncio.sleep(0.2)
    expect(None, "never 304")


@PAST.check("GET /api/export/xlsx: the client's workbook", needs_admin=True)
async def workbook(visit: Visit) -> None:
    answer = await visit.call("GET", f"/api/export/xlsx?codigo={visit.code}", as_admin=True)
    if answer.status == 501:
        raise Skipped("this server is without the extra `export`")
    expect_status(answer, 200)
    expect(answer.body[:4] == b"PK\x03\x04", "no workbook")
    expect_status(await visit.call("GET", f"/api/export/xlsx?codigo={visit.code}"), 401)


@PAST.check("GET /metrics: Prometheus's text, for who runs the server", needs_admin=True)
async def figures(visit: Visit) -> None:
    answer = await visit.call("GET", "/metrics", as_admin=True)
    if answer.status == 404:
        raise Skipped("a proxy in front keeps it to itself")
    expect_status(answer, 200)
    told = {line.split("{")[0].split(" ")[0] for line in answer.body.decode().splitlines()}
    missing = {"balto_sessions", "balto_phrases_total", "balto_hop_seconds_bucket"} - told
    expect(not missing, f"missing: {missing}")
    expect_status(await visit.call("GET", "/metrics"), 401)
    expect_status(await visit.call("GET", "/metrics", key=visit.counters[0].key), 403)


@PAST.check("A client that just leaves loses nothing: its session is heard to the end", needs_admin=True)
async def ended(visit: Visit) -> None:
    path = f"/api/v1/events?codigo={visit.code}&type=SessionStarted,SessionEnded&limit=1000"
    while True:
        rows = (await visit.call("GET", path, as_admin=True)).json["events"]
        open_ = {row["stream"] for row in rows if row["type"] == "SessionStarted"} - {
            row["stream"] for row in rows if row["type"] == "SessionEnded"
        }
        if not open_:
            return
        await asyncio.sleep(0.25)
