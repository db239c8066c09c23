-- Answers every held-out gloss in one statement, into table :answers, by the index or exactly
-- (:use_index on or off), with :ef_search, and prints the milliseconds per query.
SET enable_indexscan = :use_index;
SET vseg.ef_search = :ef_search;
SET max_parallel_workers_per_gather = 0;
SET jit = off;
DROP TABLE IF EXISTS :answers;
SELECT clock_timestamp() AS start \gset
CREATE TABLE :answers AS
  SELECT query.id AS query_id, answer.distance
  FROM held_out query,
       LATERAL (SELECT embedding <=> query.embedding AS distance
                FROM glosses
                ORDER BY embedding <=> query.embedding
                LIMIT 10) answer;
SELECT round((1000 * extract(epoch FROM clock_timestamp() - :'start'::timestamptz)
              / count(*))::numeric, 3)
FROM held_out;
