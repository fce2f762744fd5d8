-- Destroy what a stream's personal fields and recordings were sealed with, the recordings and the snapshots of what
-- was made of them; tell of it by an event.
-- Returns 'ok' and where the event landed, 'duplicate' where it is from the first time, or 'missing'.
CREATE FUNCTION erase_stream(stream text, subject_erased new_event)
RETURNS TABLE (outcome text, stream_position bigint, "position" bigint)
LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    erased streams;
BEGIN
    PERFORM pg_advisory_xact_lock(4712000001);
    SELECT s.* INTO erased FROM streams s WHERE s.name = stream;
    IF NOT FOUND THEN
        RETURN QUERY SELECT 'missing', 0::bigint, 0::bigint;
    ELSIF erased.erased THEN
        RETURN QUERY
        SELECT 'duplicate', e.stream_position, e.position FROM events e
         WHERE e.stream_id = erased.id AND e.position BETWEEN erased.first_pos AND erased.last_pos
           AND e.type = (subject_erased).type
         ORDER BY e.position DESC
         LIMIT 1;
    ELSE
        DELETE FROM keys k WHERE k.stream_id = erased.id;
        DELETE FROM recordings r WHERE r.stream_id = erased.id;
        DELETE FROM snapshots n WHERE n.stream_id = erased.id;
        UPDATE streams s SET key_id = NULL, erased = true WHERE s.id = erased.id;
        RETURN QUERY
        SELECT a.outcomes[1], a.stream_positions[1], a.positions[1]
          FROM append_events(ARRAY[ROW(stream, erased.tenant, -1, 1, NULL, NULL, NULL)::new_append],
                             ARRAY[subject_erased], '{}', true) a;
    END IF;
END
$$;
