"""What a rebuild is held against: a bare scan that takes the same columns out, and the same folds in Python."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import asyncpg
import orjson

_TIMELINE: Final = {
    "provider": "text",
    "model": "text",
    "engine": "text",
    "role": "text",
    "basket": "text",
    "reason": "text",
    "categories": "jsonb",
    "cost_usd": "numeric",
    "cpu_percent": "float8",
    "system_cpu_percent": "float8",
    "rss_bytes": "int8",
    "system_memory_percent": "float8",
    "loop_lag_ms": "float8",
}
_BIOMETRICS: Final = {
    "pitch_mean_hz": "float8",
    "pitch_std_hz": "float8",
    "snr_db": "float8",
    "spectral_centroid_hz": "float8",
    "zero_crossing_rate": "float8",
    "rms_mean": "float8",
    "rms_max": "float8",
    "peak_dbfs": "float8",
    "clipping_ratio": "float8",
    "dc_offset": "float8",
    "bands": "jsonb",
    "duration_ms": "float8",
    "words_per_minute": "float8",
}
_MACHINE: Final = ("cpu_percent", "system_cpu_percent", "rss_bytes", "system_memory_percent", "loop_lag_ms")
_TYPED: Final = ("occurred_at", "elapsed_us", "sample_start", "sample_end", "latency_ms", "phrase", "position")


def scan() -> str:
    """Return one sequential scan over all events that takes out of each all that the two read models are made of."""
    fields = {**_TIMELINE, **_BIOMETRICS}
    taken = [
        f"(e.data -> '{name}')" if kind == "jsonb" else f"(e.data ->> '{name}')::{kind}"
        for name, kind in fields.items()
    ]
    # Counted, since what nobody looks at is not taken out at all.
    counted = [*(f"count(e.{name})" for name in _TYPED), *(f"count({expression})" for expression in taken)]
    return f"SELECT {', '.join(counted)} FROM events e"


async def fold_in_python(connection: asyncpg.Connection, page: int = 5_000) -> tuple[int, int, Decimal]:
    """Fold the two read models from a cursor into dictionaries, then write the rows, as one would without SQL.

    Args:
        connection: on which a cursor is opened.
        page: how many events it fetches at a time.

    Returns:
        Phrases, measured phrases, and the sum of costs: what the tables must agree with.
    """
    timeline: dict[tuple[int, int], dict[str, Any]] = {}
    biometrics: dict[tuple[int, int], dict[str, Any]] = {}
    counters: dict[int, str] = {}
    query = (
        "SELECT position, stream_id, type, phrase, occurred_at, elapsed_us, sample_start, sample_end, latency_ms,"
        " data::text AS data FROM events WHERE phrase IS NOT NULL OR type = 'SessionStarted' ORDER BY position"
    )
    async with connection.transaction():
        async for event in connection.cursor(query, prefetch=page):
            data = orjson.loads(event["data"])
            if event["type"] == "SessionStarted":
                counters[event["stream_id"]] = data["counter_id"]
                continue
            key = event["stream_id"], event["phrase"]
            _fold_timeline(timeline.setdefault(key, {"cost": Decimal(0)}), event, data)
            if event["type"] == "PhraseMeasured":
                biometrics.setdefault(key, {**data, "measured_at": event["occurred_at"]})
            elif event["type"] == "TranscriptionReceived" and key in biometrics:
                biometrics[key].setdefault("words_per_minute", data["words_per_minute"])
        for (stream, _), row in timeline.items():
            row["counter_id"] = counters.get(stream)
        await _write(connection, timeline, biometrics)
    return len(timeline), len(biometrics), sum((row["cost"] for row in timeline.values()), Decimal(0))


async def _write(connection: asyncpg.Connection, *tables: dict[tuple[int, int], dict[str, Any]]) -> None:
    """Copy rows into tables with a primary key, which is less than a read model has."""
    for n, rows in enumerate(tables):
        columns = sorted({name for row in rows.values() for name in row})
        made = ", ".join(f"{name} text" for name in columns)
        await connection.execute(
            f"CREATE TEMPORARY TABLE python_{n} (stream bigint, number int, {made}, PRIMARY KEY (stream, number))"
            " ON COMMIT DROP"
        )
        records = [
            (*key, *(None if (value := row.get(name)) is None else str(value) for name in columns))
            for key, row in rows.items()
        ]
        await connection.copy_records_to_table(f"python_{n}", records=records, columns=["stream", "number", *columns])


def _fold_timeline(row: dict[str, Any], event: asyncpg.Record, data: Mapping[str, Any]) -> None:
    kind = event["type"]
    first = row.setdefault
    if "cost_usd" in data:
        row["cost"] += Decimal(str(data["cost_usd"]))
    if kind in {"SpeechStarted", "PhraseCaptured", "PhraseDiscarded"}:
        row["sample_start"] = min(row.get("sample_start", event["sample_start"]), event["sample_start"])
    match kind:
        case "PhraseCaptured":
            first("captured_at", event["occurred_at"])
            first("captured_us", event["elapsed_us"])
            row["sample_end"] = max(row.get("sample_end", 0), event["sample_end"])
        case "TranscriptionRequested":
            first("requested_us", event["elapsed_us"])
        case "TranscriptionReceived" | "TranscriptionRejected" if data.get("role", "chosen") == "chosen":
            first("stt", (data["provider"], data["model"], event["latency_ms"]))
            if kind == "TranscriptionRejected":
                first("outcome", f"rejected:{data['reason']}")
        case "NormalisationCompleted":
            first("ai1", (data["engine"], data["model"], event["latency_ms"]))
        case "ClassificationCompleted":
            first("ai2", (data["engine"], data["model"], event["latency_ms"]))
            first("categories", ["/".join(filter(None, (c["macro"], c["micro"]))) for c in data["categories"]])
        case "BasketResolved":
            first("basket", data["basket"])
        case "RecommendationSent":
            first("sent_us", event["elapsed_us"])
            first("outcome", "recommended")
        case "RecommendationDelivered":
            first("delivered_us", event["elapsed_us"])
        case "RecommendationWithheld":
            first("outcome", f"withheld:{data['reason']}")
        case "PhraseDiscarded":
            row["sample_end"] = max(row.get("sample_end", 0), event["sample_end"])
            first("outcome", f"discarded:{data['reason']}")
        case "ResourcesSampled":
            first("machine", tuple(data[name] for name in _MACHINE))
    row["last_position"] = event["position"]
