"""What sessions and streams are called on the command line: by id, by name, or `last`."""

from typing import Any

from balto.cli.common import fail
from balto.cli.opening import stream_name


async def resolve_session(library: Any, session: str) -> str:
    """Return a session's id, given its id, its stream's name or `last`: that which began last by now."""
    from projections import reports

    if session != "last":
        return session.removeprefix("session-")
    # The read model may be behind, and what is then called the last is another one.
    await library.projector.catch_up("sessions")
    latest = await reports.sessions(library.projector.pool, limit=1)
    if not latest:
        fail("there are no sessions yet")
    return str(latest[0].session_id)


async def told_session(library: Any, session: str) -> str:
    """Return a session's id as `resolve_session`, for commands that show what read models tell of it."""
    session_id = await resolve_session(library, session)
    if session == "last":
        # It may have begun after they were brought up to date, and then they know nothing of it.
        await library.projector.catch_up()
    return session_id


async def known_session(library: Any, session: str) -> str:
    """Return a session's id as `told_session`; ends the program where there is none."""
    session_id = await told_session(library, session)
    if not await library.store.stream_position(f"session-{session_id}"):
        fail(f"there is no session {session} (`balto sessions` lists them)")
    return session_id


async def stream_of(library: Any, name: str) -> str:
    """Return a stream's name, given it, a session's bare id or `last`."""
    return f"session-{await resolve_session(library, name)}" if name == "last" else stream_name(name) or name


async def existing_stream(library: Any, name: str | None) -> str | None:
    """Return the name of a stream that is there, given it, a session's bare id or `last`; None for None."""
    if name is None:
        return None
    stream = await stream_of(library, name)
    if await library.store.stream_position(stream):
        return stream
    return fail(f"there is no stream {stream} (`balto sessions` lists the sessions)")
