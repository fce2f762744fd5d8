"""What sessions and streams are called on the command line: by id, by name, or `last`."""

from typing import Any

from balto.cli.common import fail
from balto.cli.opening import stream_name


async def resolve_session(library: Any, session: str) -> str:
    """Return a session's id, given its id or `last`."""
    from projections import reports

    if session != "last":
        return session
    # The read model may be behind, and what is then called the last is another one.
    await library.projector.catch_up("sessions")
    latest = await reports.sessions(library.projector.pool, limit=1)
    if not latest:
        fail("there are no sessions yet")
    return str(latest[0].session_id)


async def known_session(library: Any, session: str) -> str:
    """Return a session's id, given its id or `last`; ends the program where there is none."""
    session_id = await resolve_session(library, session)
    if not await library.store.stream_position(f"session-{session_id}"):
        fail(f"there is no session {session} (`balto sessions` lists them)")
    return session_id


async def existing_stream(library: Any, name: str | None) -> str | None:
    """Return the name of a stream that is there, given it, a session's bare id or `last`; None for None."""
    if name is None:
        return None
    stream = stream_name(await resolve_session(library, name)) or name
    if await library.store.stream_position(stream):
        return stream
    return fail(f"there is no stream {stream} (`balto sessions` lists the sessions)")
