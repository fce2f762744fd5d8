"""The report on advice: what became of each item of each basket."""

from typing import Annotated, Any

import typer

from balto.cli.common import AsJson, print_rows, with_library
from balto.cli.money import OfCounter, counter_of, show_compared
from balto.cli.opening import Since, Until, span
from balto.cli.pages import Html, write_advice

COLUMNS = ("basket", "item", "sent", "shown", "accepted", "dismissed", "conversion")


def advice(
    since: Since = None,
    until: Until = None,
    counter: OfCounter = None,
    compare: Annotated[bool, typer.Option("--compare", help="Put speech-to-text engines side by side.")] = False,
    html: Html = None,
    as_json: AsJson = False,
) -> None:
    """What became of advice: by basket and item, how often it was sent, shown, accepted and dismissed.

    Clients answer a recommendation as a whole, so its items share the answer; conversion is accepted of shown.

    With --compare: engines that heard the same phrases (BALTO_STT_COMPARE), the chosen one and the other. WER is the
    share of words by which the other's text differs from the chosen one: neither is the truth. With --html: both, and
    how each day went.
    """
    if html is not None:
        begin, end = span(since, until)
        write_advice(html, since=begin, until=end, counter=counter, as_json=as_json)
        return
    show = show_compared if compare else show_conversions
    show(since, until, counter, as_json=as_json)


def show_conversions(since: str | None, until: str | None, counter: str | None, *, as_json: bool) -> None:
    """Print the conversions of a time, of one counter or of all."""
    from projections.conversions import conversions

    begin, end = span(since, until)

    async def work(library: Any) -> Any:
        counter_id = await counter_of(library, counter)
        return await conversions(library.projector.pool, since=begin, until=end, counter_id=counter_id)

    print_rows(with_library(work), COLUMNS, title="Advice by basket and item", as_json=as_json)
