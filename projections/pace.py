"""Which sessions were sent faster than speech: what their phrases waited for one another is no counter's latency."""

from collections.abc import Sequence
from typing import Final

from projections.rows import TimelineRow

AHEAD_MS: Final = 1_000.0
"""So far may a phrase's end lie ahead of its session's clock: a client may have listened before it was connected."""
SHARE: Final = 0.1
"""And by so much of all that was heard, since a long session has caught up with a long wait for its connection."""

CHOSEN: Final = f"""
WITH chosen AS MATERIALIZED (
    SELECT session_id, captured_at, audio_ms, stt_ms, ai1_ms, ai2_ms, ws_ms, total_ms
      FROM projections.phrase_timeline
     WHERE captured_at >= coalesce($1::timestamptz, '-infinity') AND captured_at < coalesce($2::timestamptz, 'infinity')
       AND ($3::text IS NULL OR tenant = $3)
), hurried AS (
    SELECT session_id FROM projections.phrase_timeline
     WHERE session_id IN (SELECT session_id FROM chosen) AND captured_us IS NOT NULL
     GROUP BY session_id
    HAVING max(sample_end) / 16.0 - max(captured_us) / 1000.0 > greatest({AHEAD_MS}, {SHARE} * max(sample_end) / 16.0)
), told AS (
    SELECT c.*, c.session_id IN (SELECT session_id FROM hurried) AS hurried FROM chosen c
), hops AS (
    SELECT t.session_id, t.captured_at, t.hurried, v.hop, v.ms,
           NOT t.hurried OR NOT EXISTS (SELECT FROM told WHERE NOT hurried) AS counts
      FROM told t
     CROSS JOIN LATERAL (VALUES ('audio', t.audio_ms), ('stt', t.stt_ms), ('ai1', t.ai1_ms), ('ai2', t.ai2_ms),
                                ('ws', t.ws_ms), ('total', t.total_ms)) AS v (hop, ms)
     WHERE v.ms IS NOT NULL
)
"""  # noqa: S608 - of our own words
"""SQL of the hops of phrases captured from $1 until before $2, of tenant $3, as far as these are not null: `hops`. Its
`counts` leaves out sessions that were sent faster than speech, unless there are no others."""


def faster_than_speech(rows: Sequence[TimelineRow]) -> bool:
    """Tell whether a session was sent faster than speech, by all its phrases, in their order."""
    ahead = [(row.ahead_ms, row.sample_end / 16) for row in rows if row.ahead_ms is not None and row.sample_end]
    return bool(ahead) and ahead[-1][0] > max(AHEAD_MS, SHARE * ahead[-1][1])
