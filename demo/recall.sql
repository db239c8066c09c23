-- recall@10 of by_index against exact. An answer is right when it is as near as the tenth exact one,
-- so that among equal distances every choice counts.
WITH bound AS (
  SELECT query_id, max(distance) AS tenth FROM exact GROUP BY query_id
)
SELECT round(count(*) FILTER (WHERE by_index.distance <= tenth + 1e-6)
             / (10.0 * (SELECT count(*) FROM bound)), 4)
FROM bound LEFT JOIN by_index USING (query_id);
