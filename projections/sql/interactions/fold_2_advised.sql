-- reads: ClassificationCompleted, RecommendationSent
UPDATE interactions t
   SET categories        = coalesce(a.categories, t.categories),
       items             = coalesce(a.items, t.items),
       recommendation_id = coalesce(a.recommendation_id, t.recommendation_id)
  FROM (SELECT substr(s.name, 9) AS session_id, e.phrase,
               CASE WHEN bool_or(e.type = 'ClassificationCompleted') THEN
                   ARRAY(SELECT concat_ws('/', c ->> 'macro', c ->> 'micro')
                           FROM jsonb_array_elements((array_agg(e.data -> 'categories' ORDER BY e.position DESC)
                                                      FILTER (WHERE e.type = 'ClassificationCompleted'))[1]) AS c)
               END AS categories,
               (array_agg(e.data -> 'items' ORDER BY e.position DESC)
                   FILTER (WHERE e.type = 'RecommendationSent'))[1] AS items,
               (array_agg(e.data ->> 'recommendation_id' ORDER BY e.position DESC)
                   FILTER (WHERE e.type = 'RecommendationSent'))[1] AS recommendation_id
          FROM events e
          JOIN streams s ON s.id = e.stream_id AND left(s.name, 8) = 'session-'
         WHERE e.position > $1 AND e.position <= $2 AND e.type IN ('ClassificationCompleted', 'RecommendationSent')
         GROUP BY s.name, e.phrase) a
 WHERE t.session_id = a.session_id AND t.phrase = a.phrase
