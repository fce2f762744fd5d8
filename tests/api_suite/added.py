"""The socket's protocol 2: what a newer client asks for, gets, answers, and takes up again."""

import asyncio
from typing import Any, Final

from tests.api_suite import sounds
from tests.api_suite.kept import expect_recommendations
from tests.api_suite.line import FIM, line, ready
from tests.api_suite.suite import Part, expect
from tests.api_suite.visit import Visit

ADDED: Final = Part("Socket, protocol 2")
_EVERYTHING: Final = ["transcript", "vad", "recommendation", "metrics"]
_NEWER: Final = frozenset({"id", "frase", "cesta"})
_NOBODYS: Final = "0192f0c1-2d3e-7f40-8a5b-6c7d8e9f0a1b"


def _ticket(ready: dict[str, Any]) -> dict[str, Any]:
    """Return what takes a session up again that a `ready` spoke of."""
    return {"session": ready["session"], "token": ready["token"]}


@ADDED.check("A client is told all that it asked for: ready, vad, metrics, transcript, recomendar, fim; then 1000")
async def everything(visit: Visit) -> None:
    async with line(visit, protocol=2, want=_EVERYTHING, audio={"encoding": "pcm_s16le"}) as one:
        await ready(one)
        await one.send(sounds.pcm())
        await one.say(FIM)
        await one.closes_with(1000)
        kinds = {message["comando"] for message in one.messages} - {"desfecho"}
        expect(kinds == {"ready", "vad", "metrics", "transcript", "recomendar", "fim"}, f"came: {sorted(kinds)}")
        expect_recommendations(one, extra=_NEWER)
        texts = " ".join(message["texto"].lower() for message in one.of("transcript"))
        expect(any(word in texts for word in sounds.HEARD), "nothing of what was said is in the transcripts")
        states = [message["estado"] for message in one.of("vad")]
        expect(states[:2] == ["fala", "silencio"], f"states of vad: {states}")
        end = one.messages[-1]
        expect(end["comando"] == "fim", "the last message is not `fim`")
        expect(end["recomendacoes"] == len(one.of("recomendar")), "`fim` counts other recommendations")


@ADDED.check("The subprotocol `balto.v2` means protocol 2, and Ogg/Opus is heard")
async def subprotocol(visit: Visit) -> None:
    async with line(visit, protocols=["balto.v2"], audio={"encoding": "ogg-opus"}) as one:
        await ready(one)
        expect(one.ws.protocol == "balto.v2", "the subprotocol was not taken")
        await one.send(sounds.ogg(), chunk=4_000)
        await one.say(FIM)
        await one.closes_with(1000)
        expect_recommendations(one, extra=_NEWER)


@ADDED.check("A recommendation can be answered while the audio goes on")
async def answered(visit: Visit) -> None:
    async with line(visit, protocol=2) as one:
        await ready(one)
        await one.send(sounds.pcm())
        recommended = await one.until("recomendar")
        await one.say({"tipo": "resposta", "id": recommended["id"], "resultado": "exibida"})
        await one.say({"tipo": "resposta", "id": recommended["id"], "resultado": "aceita"})
        await one.say(FIM)
        await one.closes_with(1000)
        expect(one.of("erro") == [], "an answer was not understood")
        visit.recommendation = recommended["id"]


@ADDED.check("A text frame that is not understood is answered with `erro`, and the session goes on")
async def unknown_text(visit: Visit) -> None:
    async with line(visit, protocol=2) as one:
        await ready(one)
        await one.say({"tipo": "dança"})
        error = await one.until("erro")
        expect(error["code"] and error["message"], "`erro` says nothing")
        await one.say(FIM)
        await one.closes_with(1000)


@ADDED.check("A field that is wrong closes with 1008 and is named")
async def wrong_field(visit: Visit) -> None:
    wrong: tuple[dict[str, Any], ...] = ({"audio": {"encoding": "mp3"}}, {"want": ["tudo"]}, {"protocol": 99})
    for fields in wrong:
        async with line(visit, **({"protocol": 2} | fields)) as one:
            await one.closes_with(1008)
            expect(next(iter(fields)) in one.reason, f"the reason names no field: {one.reason!r}")


@ADDED.check("A session whose line breaks goes on where it broke, on another connection; no byte is heard twice")
async def resumed(visit: Visit) -> None:
    audio = sounds.pcm()
    half = len(audio) // 2
    async with line(visit, protocol=2, offsets=True, want=["transcript"]) as one:
        began = await ready(one)
        await one.send(audio[:half], start=0)
        while (await one.until("ack"))["offset"] < half // 2:
            pass
        visit.note("the line breaks")
        one.cut()
    async with line(visit, protocol=2, offsets=True, want=["transcript"], resume=_ticket(began)) as again:
        goes_on = await ready(again)
        expect(goes_on["session"] == began["session"], "another session was begun")
        offset = goes_on["offset"]
        expect(half // 2 <= offset <= half, f"goes on from {offset} of {half}")
        # Some of it once more: what is there already is passed over.
        earlier = max(0, offset - 16_000)
        await again.send(audio[earlier:], start=earlier)
        await again.say(FIM)
        await again.closes_with(1000)
        acknowledged = max(message["offset"] for message in again.of("ack"))
        expect(acknowledged == len(audio), f"{acknowledged} of {len(audio)} bytes are acknowledged")
        expect_recommendations(again, extra=_NEWER)


@ADDED.check("A frame that leaves a hole closes with 1008, and the session can be resumed")
async def hole(visit: Visit) -> None:
    audio = sounds.pcm()
    async with line(visit, protocol=2, offsets=True) as one:
        began = await ready(one)
        await one.send(audio[:3_200], start=0)
        await one.send(audio[6_400:9_600], start=6_400)
        await one.closes_with(1008)
    async with line(visit, protocol=2, offsets=True, resume=_ticket(began)) as again:
        # On another process of the server what was never acknowledged may be wanted again.
        offset = (await ready(again))["offset"]
        expect(offset in (0, 3_200), f"it goes on from {offset}")
        await again.send(audio[offset:9_600], start=offset)
        await again.say(FIM)
        await again.closes_with(1000)
        acknowledged = max(message["offset"] for message in again.of("ack"))
        expect(acknowledged == 9_600, f"{acknowledged} of 9600 bytes are acknowledged")


@ADDED.check("A second connection of a session takes it over, and the first is closed with 4003")
async def taken_over(visit: Visit) -> None:
    async with line(visit, protocol=2, offsets=True) as one:
        began = await ready(one)
        await one.send(sounds.pcm()[:32_000], start=0)
        async with line(visit, protocol=2, offsets=True, resume=_ticket(began)) as other:
            await ready(other)
            # Where another process of the server took it, the former one learns of it as it writes.
            await one.send(sounds.pcm()[32_000:64_000], start=32_000)
            await one.closes_with(4003)
            await other.say(FIM)
            await other.closes_with(1000)


@ADDED.check("A session that is not theirs is taken up by nobody: 1008")
async def not_theirs(visit: Visit) -> None:
    async with line(visit, protocol=2, offsets=True) as one:
        began = await ready(one)
        await one.say(FIM)
        await one.closes_with(1000)
    attempts = (_ticket(began) | {"token": "0" * 64}, _ticket(began) | {"session": _NOBODYS})
    for resume in attempts:
        async with line(visit, protocol=2, offsets=True, resume=resume) as other:
            await other.closes_with(1008)
    hello = {"api_key": visit.counters[1].key, "protocol": 2, "offsets": True}
    async with line(visit, {**hello, "resume": _ticket(began)}) as other:
        await other.closes_with(1008)


@ADDED.check("Four sessions of one counter at a time are each answered")
async def four_at_a_time(visit: Visit) -> None:
    async def one_of_them() -> None:
        async with line(visit, protocol=2) as one:
            await ready(one)
            await one.send(sounds.pcm()[: 16_000 * 2 * 8])
            await one.say(FIM)
            await one.closes_with(1000)
            expect(one.messages[-1]["comando"] == "fim", "no `fim` came")

    await asyncio.gather(*(one_of_them() for _ in range(4)))
