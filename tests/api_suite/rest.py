"""HTTP as clients and programs use it: health, registration, trials of the engines, refusals."""

import base64
from typing import Any, Final

import aiohttp

from tests.api_suite import sounds
from tests.api_suite.suite import Failed, Part, expect
from tests.api_suite.visit import Answer, Counter, Visit

HEALTH: Final = Part("Health and documents")
REGISTRATION: Final = Part("Registration")
TRIALS: Final = Part("Trials of the engines")


def expect_status(answer: Answer, status: int) -> None:
    """Expect a status, and of a refusal its one line in Portuguese."""
    if answer.status != status:
        raise Failed(f"{answer.status}, not {status}: {answer.body[:120]!r}")
    if status >= 400:
        body = answer.json
        expect(list(body) == ["erro"] and body["erro"], f"a refusal is not {{'erro': …}}: {body}")


@HEALTH.check("GET /healthz and /readyz say that all is well", vital=True)
async def health(visit: Visit) -> None:
    for path in ("/healthz", "/readyz"):
        answer = await visit.call("GET", path)
        expect_status(answer, 200)
        expect(answer.json["status"] == "ok", f"{path} says {answer.json}")


@HEALTH.check("GET /api/v1/openapi.json is OpenAPI 3.1 and knows the kept routes; GET /docs shows it")
async def documents(visit: Visit) -> None:
    document = (await visit.call("GET", "/api/v1/openapi.json", quiet=True)).json
    expect(document["openapi"].startswith("3.1"), f"version {document['openapi']}")
    kept = {"/cadastro/cliente", "/cadastro/balcao", "/admin/login", "/api/test/analisar", "/api/test/segmentar"}
    expect(kept <= set(document["paths"]), f"missing: {kept - set(document['paths'])}")
    page = await visit.call("GET", "/docs")
    expect(page.status == 200 and page.headers["Content-Type"].startswith("text/html"), "no page")


@HEALTH.check("What is not there is 404, another method 405 with the ones that there are")
async def not_there(visit: Visit) -> None:
    expect_status(await visit.call("GET", "/nada"), 404)
    answer = await visit.call("GET", "/cadastro/cliente")
    expect_status(answer, 405)
    expect("POST" in answer.headers.get("Allow", ""), "no Allow")


@REGISTRATION.check("POST /admin/login: 400 without a password, 401 with a wrong one", needs_admin=True)
async def wrong_logins(visit: Visit) -> None:
    expect_status(await visit.call("POST", "/admin/login", json={}), 400)
    expect_status(await visit.call("POST", "/admin/login", json={"password": "não é esta"}), 401)


@REGISTRATION.check(
    "POST /admin/login: 200, the text OK, and a cookie that is HttpOnly and SameSite=Strict",
    needs_admin=True,
    vital=True,
)
async def login(visit: Visit) -> None:
    answer = await visit.call("POST", "/admin/login", as_admin=True, json={"password": visit.password}, quiet=True)
    expect(answer.status == 200, f"{answer.status}: {answer.body[:120]!r}")
    expect(answer.body == b"OK", f"says {answer.body[:40]!r}")
    cookie = answer.cookies["admin_token"]
    expect(cookie["httponly"] and cookie["samesite"] == "Strict", "the cookie is not closed to scripts and other sites")
    expect(cookie["secure"] or visit.url.startswith("http://"), "the cookie is not Secure behind TLS")


@REGISTRATION.check("POST /cadastro/cliente: 400 for what is no client")
async def no_client(visit: Visit) -> None:
    for body in ({}, {"email": "isto não é e-mail", "razao_social": "Farmácia"}, {"email": "a@b.example"}):
        expect_status(await visit.registrar("/cadastro/cliente", body), 400)


@REGISTRATION.check("POST /cadastro/cliente: 201 with a code of six digits; the same e-mail again is 409", vital=True)
async def client(visit: Visit) -> None:
    body = {"email": visit.email, "razao_social": "Suíte de protocolo", "telefone": "11 5555-0100"}
    made = await visit.registrar("/cadastro/cliente", body)
    expect_status(made, 201)
    visit.code = made.json["codigo"]
    expect(len(visit.code) == 6 and visit.code.isdigit(), f"the code is {visit.code!r}")
    expect_status(await visit.registrar("/cadastro/cliente", body), 409)


@REGISTRATION.check("POST /cadastro/balcao: 200 with a key, twice; 400 for what is no counter, 404 for an unknown code")
async def counters(visit: Visit) -> None:
    for name in ("Suíte A", "Suíte B"):
        made = await visit.registrar("/cadastro/balcao", {"nome_balcao": name, "user_codigo": visit.code})
        expect_status(made, 200)
        expect(set(made.json) == {"api_key", "balcao_id", "status"}, f"keys {sorted(made.json)}")
        expect(made.json["status"] == "registered", f"status {made.json['status']}")
        expect(made.json["api_key"].startswith("bk_"), "the key does not begin with bk_")
        visit.counters.append(Counter(name=name, id=made.json["balcao_id"], key=made.json["api_key"]))
    expect(visit.counters[0].key != visit.counters[1].key, "two counters have one key")
    expect_status(await visit.registrar("/cadastro/balcao", {"nome_balcao": "X"}), 400)
    unknown = {"nome_balcao": "X", "user_codigo": "desconhecido"}
    expect_status(await visit.registrar("/cadastro/balcao", unknown), 404)


@REGISTRATION.check("There is a counter to go on with", vital=True)
async def provisioned(visit: Visit) -> None:
    expect(len(visit.counters) == 2, "no counter was registered")


@TRIALS.check("POST /api/test/analisar: a complaint gets items and the words that prove them; small talk gets none")
async def analyse(visit: Visit) -> None:
    key = visit.counters[0].key
    said = {"texto": "Estou com muita dor de cabeça e febre desde ontem."}
    answer = await visit.call("POST", "/api/test/analisar", key=key, json=said)
    expect_status(answer, 200)
    told = answer.json
    expect(set(told) == {"deve_sugerir", "evidencias", "itens"}, f"keys {sorted(told)}")
    expect(told["deve_sugerir"] is True and told["evidencias"], "nothing is suggested for a headache")
    expect(1 <= len(told["itens"]) <= 3, f"{len(told['itens'])} items")
    expect(all(item["sugestao"] and item["explicacao"] for item in told["itens"]), "an item without words")
    small_talk = await visit.call("POST", "/api/test/analisar", key=key, json={"texto": "Boa tarde, tudo bem?"})
    expect(small_talk.json == {"deve_sugerir": False, "evidencias": [], "itens": []}, f"small talk: {small_talk.json}")


@TRIALS.check("POST /api/test/analisar: 400 without a text, 401 without a key or with a wrong one")
async def analyse_refused(visit: Visit) -> None:
    expect_status(await visit.call("POST", "/api/test/analisar", key=visit.counters[0].key, json={"texto": ""}), 400)
    expect_status(await visit.call("POST", "/api/test/analisar", json={"texto": "dipirona"}), 401)
    wrong = "bk_" + "y" * 43
    expect_status(await visit.call("POST", "/api/test/analisar", key=wrong, json={"texto": "dipirona"}), 401)


@TRIALS.check("POST /api/test/segmentar: each phrase is a WAV file of its own")
async def segment(visit: Visit) -> None:
    answer = await _upload(visit, "segmentar", sounds.wav())
    expect_status(answer, 200)
    told = answer.json
    expect(told["total_segments"] == len(told["segments"]) >= 2, f"{told['total_segments']} phrases of two or more")
    for one in told["segments"]:
        file = base64.b64decode(one["audio_base64"], validate=True)
        expect(file[:4] == b"RIFF" and len(file) == one["size_bytes"], "a phrase is no WAV file of its size")
        expect(one["duration_sec"] > 0.3, "a phrase lasts no time")


@TRIALS.check("POST /api/test/transcrever: what was said is written down")
async def transcribe(visit: Visit) -> None:
    answer = await _upload(visit, "transcrever", sounds.webm())
    expect_status(answer, 200)
    text = answer.json["texto"].lower()
    expect(any(word in text for word in sounds.HEARD), f"nothing of what was said is in {text!r}")


@TRIALS.check("POST /api/test/segmentar and /transcrever: 400 for what is no audio, and for an unknown provider")
async def uploads_refused(visit: Visit) -> None:
    expect_status(await _upload(visit, "segmentar", b"RIFF\xff\xff\xff\xffWAVEfmt \x01\x00\x00\x00\x00"), 400)
    expect_status(await _upload(visit, "transcrever", sounds.wav(), provider="ninguém"), 400)
    expect_status(await visit.call("POST", "/api/test/segmentar", data=_form(sounds.wav())), 401)


async def _upload(visit: Visit, what: str, audio: bytes, **fields: str) -> Answer:
    visit.note(f"→ {len(audio)} bytes in the field `audio`")
    return await visit.call("POST", f"/api/test/{what}", key=visit.counters[0].key, data=_form(audio, **fields))


def _form(audio: bytes, **fields: Any) -> aiohttp.FormData:
    form = aiohttp.FormData(fields)
    form.add_field("audio", audio, filename="pedido", content_type="application/octet-stream")
    return form
