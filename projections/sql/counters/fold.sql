-- reads: CounterRegistered, CounterKeyIssued, CounterPresetChanged, CounterTermsChanged
INSERT INTO counters AS t (counter_id, code, name, key_sha256, threshold_multiplier, min_energy, registered_at,
                           terms)
SELECT e.data ->> 'counter_id', s.tenant,
       (array_agg(e.data ->> 'name' ORDER BY e.position DESC) FILTER (WHERE e.type = 'CounterRegistered'))[1],
       (array_agg(e.data ->> 'key_sha256' ORDER BY e.position DESC) FILTER (WHERE e.type = 'CounterKeyIssued'))[1],
       (array_agg((e.data ->> 'threshold_multiplier')::float8 ORDER BY e.position DESC)
           FILTER (WHERE e.type = 'CounterPresetChanged'))[1],
       (array_agg((e.data ->> 'min_energy')::float8 ORDER BY e.position DESC)
           FILTER (WHERE e.type = 'CounterPresetChanged'))[1],
       min(e.occurred_at) FILTER (WHERE e.type = 'CounterRegistered'),
       (array_agg(e.data ORDER BY e.position DESC) FILTER (WHERE e.type = 'CounterTermsChanged'))[1]
  FROM events e
  JOIN streams s ON s.id = e.stream_id
 WHERE e.position > $1 AND e.position <= $2
   AND e.type IN ('CounterRegistered', 'CounterKeyIssued', 'CounterPresetChanged', 'CounterTermsChanged')
 GROUP BY e.data ->> 'counter_id', s.tenant
ON CONFLICT (counter_id) DO UPDATE SET
    name                 = coalesce(excluded.name, t.name),
    key_sha256           = coalesce(excluded.key_sha256, t.key_sha256),
    threshold_multiplier = coalesce(excluded.threshold_multiplier, t.threshold_multiplier),
    min_energy           = coalesce(excluded.min_energy, t.min_energy),
    registered_at        = coalesce(t.registered_at, excluded.registered_at),
    terms                = coalesce(excluded.terms, t.terms)
