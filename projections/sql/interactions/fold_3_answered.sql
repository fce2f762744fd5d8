-- reads: RecommendationAnswered
-- The attendant's last word counts.
UPDATE interactions t
   SET answer = a.answer
  FROM (SELECT DISTINCT ON (substr(s.name, 9), e.data ->> 'recommendation_id')
               substr(s.name, 9) AS session_id, e.data ->> 'recommendation_id' AS recommendation_id,
               e.data ->> 'answer' AS answer
          FROM events e
          JOIN streams s ON s.id = e.stream_id AND left(s.name, 8) = 'session-'
         WHERE e.position > $1 AND e.position <= $2 AND e.type = 'RecommendationAnswered'
         ORDER BY substr(s.name, 9), e.data ->> 'recommendation_id', e.position DESC) a
 WHERE t.session_id = a.session_id AND t.recommendation_id = a.recommendation_id
