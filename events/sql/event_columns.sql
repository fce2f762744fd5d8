e.position, s.name, e.stream_position, s.tenant, e.event_id, e.type, e.schema_version, e.data, e.sealed,
       s.key_id, e.occurred_at, e.recorded_at, e.elapsed_us, e.correlation_id, e.causation_id
