-- reads: RecommendationSent
INSERT INTO advice (session_id, recommendation_id, place, tenant, counter_id, sent_at, basket, rule, item)
SELECT substr(s.name, 9), e.data ->> 'recommendation_id', i.place, s.tenant,
       (SELECT b.data ->> 'counter_id' FROM events b WHERE b.position = s.first_pos AND b.type = 'SessionStarted'),
       e.occurred_at, e.data ->> 'basket', e.data ->> 'rule', i.item ->> 'sugestao'
  FROM events e
  JOIN streams s ON s.id = e.stream_id AND left(s.name, 8) = 'session-'
 CROSS JOIN LATERAL jsonb_array_elements(e.data -> 'items') WITH ORDINALITY AS i (item, place)
 WHERE e.position > $1 AND e.position <= $2 AND e.type = 'RecommendationSent'
 ORDER BY e.position
ON CONFLICT (session_id, recommendation_id, place) DO NOTHING
