"""What replays of a process share: the catalogue and all that is made of it, and engines that are asked anew."""

from collections.abc import Sequence
from dataclasses import dataclass

from actors.basket.catalogue import BasketCatalogue
from actors.basket.resolver import BasketEngine
from actors.llm.router import RoutedUnderstanding
from actors.llm.understanding import Understanding
from actors.runtime.clock import Clock
from actors.session.inputs import EngineName, Policy
from actors.stt.live import LiveEars
from actors.stt.router import RoutedTranscriber
from actors.stt.transcriber import Transcriber
from balto.conversing import conversation_rules, with_times
from balto.engines import build_transcribers, build_understandings, plain_lexicon, standing_terms, usd_per_hour
from balto.provenance import versions_of
from balto.replay.bridge import Bridge
from balto.replay.ears import Named, RecordedEars, SilentStreaming
from balto.replay.heads import PinnedHead, RecordedHead
from balto.replay.known import Known, engines_of
from balto.replay.plan import Plan
from balto.replay.recorded import Recorded
from balto.replay.source import Source
from balto.settings import Settings
from balto.shelf import read_catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The engines of one replay, and the policy that names them."""

    transcribers: Sequence[Transcriber]
    understandings: Sequence[Understanding]
    streaming: LiveEars | None
    policy: Policy


class Kit:
    """Built once a process and plan; takes a second or two.

    Args:
        settings: of the operator.
        plan: which catalogue, and which engines are asked anew.

    Raises:
        BasketFileError: the catalogue cannot be used.
        EngineError: an engine that is to be asked anew cannot be had.
    """

    def __init__(self, settings: Settings, plan: Plan) -> None:
        self.settings = settings if plan.baskets is None else settings.model_copy(update={"baskets": plan.baskets})
        self.plan = plan
        self.catalogue: BasketCatalogue = read_catalogue(self.settings)
        self.baskets = BasketEngine(self.catalogue)
        offline = self.settings.model_copy(update={"llm": "lexicon"})
        (self.lexicon,) = build_understandings(offline, self.catalogue)
        self.sure = plain_lexicon(self.catalogue.lexicon, self.catalogue.version)
        self.rules = conversation_rules(self.settings, self.catalogue)
        self._bridge: Bridge | None = None
        self._ears: tuple[Transcriber, ...] = ()
        self._heads: tuple[Understanding, ...] = ()
        if plan.transcription == "live" or plan.understanding == "live":
            self._bridge = Bridge()
            self._build_live(self._bridge)

    @property
    def versions(self) -> dict[str, str]:
        """Versions of what decides now."""
        return versions_of(self.catalogue)

    async def warm(self) -> None:
        """Load what is slow to load of what works here."""
        await self.lexicon.warm()

    def close(self) -> None:
        """Let go of the engines that were asked anew."""
        if self._bridge is not None:
            self._bridge.close()

    def _build_live(self, bridge: Bridge) -> None:
        plan = self.plan
        if plan.transcription == "live":
            wanted = {} if plan.stt is None else {"stt": plan.stt, "stt_backup": "none"}
            engines = build_transcribers(self.settings.model_copy(update=wanted), standing_terms(self.catalogue))
            # Whoever names one engine wants its answers compared, and no other's in their place.
            self._ears = bridge.ears(engines[:1] if plan.stt is not None else engines, self.settings)
        if plan.understanding == "live":
            self._heads = bridge.heads(build_understandings(self.settings, self.catalogue, prompts=plan.prompts))

    def asked(self, recorded: Recorded, settings: Settings, source: Source, clock: Clock) -> Asked:
        """Return whom a replay of a session asks, and what it decides by.

        Args:
            recorded: the session.
            settings: in force for it.
            source: of answers.
            clock: virtual.
        """
        known = engines_of(recorded, self.settings)
        names, streaming = known.transcribers, known.streaming
        if self._ears:
            names, streaming = tuple(_name_of(ears) for ears in self._ears), None
            ears = RoutedTranscriber(self._ears, clock, usd_per_hour)
        else:
            ears = RecordedEars([Named(each.name, each.model) for each in names], clock, usd_per_hour, source)
        heads = self._heads_for(known, source, clock)
        return Asked(
            transcribers=(ears,),
            understandings=heads,
            streaming=None if streaming is None else LiveEars(SilentStreaming.named(streaming), clock),
            policy=Policy(
                transcribers=(EngineName(ears.provider, ears.model, usd_per_hour(ears.provider)),),
                understandings=tuple(EngineName(head.engine, head.model) for head in heads),
                resolve=self.baskets.resolve,
                engines=names,
                lexicon=EngineName(self.lexicon.engine, self.lexicon.model),
                rules=with_times(self.rules, settings),
                streaming=streaming,
            ),
        )

    def _heads_for(self, known: Known, source: Source, clock: Clock) -> tuple[Understanding, ...]:
        if len(self._heads) > 1:
            model, last = self._heads
            return (RoutedUnderstanding(model, last, clock, sure=self.sure),)
        if known.model is None or self._heads:
            # What runs on this machine is worked out again.
            return (
                (self.lexicon,)
                if source.pins is None
                else (PinnedHead(self.lexicon, self.lexicon, clock, pins=source.pins),)
            )
        return (RecordedHead(known.model, self.lexicon, clock, self.sure, source),)


def _name_of(ears: Transcriber) -> EngineName:
    return EngineName(ears.provider, ears.model, usd_per_hour(ears.provider))
