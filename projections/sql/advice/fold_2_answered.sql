-- reads: RecommendationAnswered
-- Any answer proves that it was shown; of acceptance and dismissal the last word counts.
UPDATE advice t
   SET shown = true, answer = coalesce(a.answer, t.answer)
  FROM (SELECT substr(s.name, 9) AS session_id, e.data ->> 'recommendation_id' AS recommendation_id,
               (array_agg(e.data ->> 'answer' ORDER BY e.position DESC)
                   FILTER (WHERE e.data ->> 'answer' IN ('aceita', 'dispensada')))[1] AS answer
          FROM events e
          JOIN streams s ON s.id = e.stream_id AND left(s.name, 8) = 'session-'
         WHERE e.position > $1 AND e.position <= $2 AND e.type = 'RecommendationAnswered'
         GROUP BY s.name, e.data ->> 'recommendation_id') a
 WHERE t.session_id = a.session_id AND t.recommendation_id = a.recommendation_id
