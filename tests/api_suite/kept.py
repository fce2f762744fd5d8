"""The socket as deployed clients speak it: protocol 1, which keeps working unchanged."""

from typing import Any, Final

from tests.api_suite import sounds
from tests.api_suite.line import FIM, Line, line
from tests.api_suite.suite import Part, expect
from tests.api_suite.visit import Visit

KEPT: Final = Part("Socket, as deployed clients speak it")
_BEYOND: Final = 4 * 1024 * 1024 + 1024
"""Bytes of a frame that is too large even where an offset before the audio is allowed for."""
_ITEM_KEYS: Final = {"sugestao", "explicacao", "tag"}


def expect_recommendations(one: Line, *, extra: frozenset[str] = frozenset()) -> None:
    """Expect at least one recommendation, each of 1 to 3 whole items and these keys alone."""
    told = one.of("recomendar")
    expect(told, "nothing was recommended")
    for message in told:
        expect(set(message) == {"comando", "itens", *extra}, f"keys of `recomendar`: {sorted(message)}")
        items: list[dict[str, Any]] = message["itens"]
        expect(1 <= len(items) <= 3, f"{len(items)} items")
        for item in items:
            expect(set(item) <= _ITEM_KEYS, f"keys of an item: {sorted(item)}")
            expect(item["sugestao"] and item["explicacao"], "an item without words")


@KEPT.check("A WAV file cut at odd places, faster than real time, is answered with recommendations and nothing else")
async def wav_file(visit: Visit) -> None:
    async with line(visit, vad_settings={"threshold_multiplier": 1.5, "min_energy": 120.0}) as one:
        await one.send(sounds.wav(), chunk=7_777)
        await one.say(FIM)
        await one.closes_with(1000)
        expect({message["comando"] for message in one.messages} == {"recomendar"}, "other messages came")
        expect_recommendations(one)


@KEPT.check("WebM/Opus as a browser's MediaRecorder sends it is heard; `min_energy_threshold` is taken, too")
async def webm(visit: Visit) -> None:
    async with line(visit, vad_settings={"min_energy_threshold": 120.0}) as one:
        await one.send(sounds.webm(), chunk=1_000)
        await one.say(FIM)
        await one.closes_with(1000)
        expect_recommendations(one)


@KEPT.check("A client may just leave, in the middle of a word (what became of it is looked at in the end)")
async def leaves(visit: Visit) -> None:
    async with line(visit) as one:
        await one.send(sounds.wav()[: 16_000 * 2 * 4])


@KEPT.check("A text frame that is not understood is passed over")
async def unknown_text(visit: Visit) -> None:
    async with line(visit) as one:
        await one.say("olá")
        await one.say(FIM)
        await one.closes_with(1000)
        expect(one.messages == [], "something was answered")


@KEPT.check("A key that is not valid closes with 4001")
async def wrong_key(visit: Visit) -> None:
    async with line(visit, {"api_key": "bk_" + "x" * 43}) as one:
        await one.closes_with(4001)


@KEPT.check("A first frame that is no handshake closes with 1008 and its reason")
async def no_handshake(visit: Visit) -> None:
    for frame in ("isto não é JSON", "[]", "{}"):
        async with line(visit, frame) as one:
            await one.closes_with(1008)
            expect(one.reason, "no reason was given")


@KEPT.check("A field of the handshake that is out of range closes with 1008 and is named")
async def out_of_range(visit: Visit) -> None:
    async with line(visit, vad_settings={"threshold_multiplier": -1}) as one:
        await one.closes_with(1008)
        expect("threshold_multiplier" in one.reason, f"the reason names no field: {one.reason!r}")


@KEPT.check("Audio that is none closes with 4009")
async def undecodable(visit: Visit) -> None:
    async with line(visit) as one:
        await one.send(b"\x1a\x45\xdf\xa3" + bytes(range(256)) * 40, chunk=2_000)
        await one.say(FIM)
        await one.closes_with(4009)


@KEPT.check("A frame beyond 4 MiB closes with 1009")
async def too_big(visit: Visit) -> None:
    async with line(visit) as one:
        await one.send(bytes(_BEYOND), chunk=_BEYOND)
        await one.closes_with(1009)


@KEPT.check("Who says nothing for 10 s is sent away with 4008", slow=True)
async def silent(visit: Visit) -> None:
    async with line(visit, "") as one:
        await one.closes_with(4008)
