-- avg and sum of vectors, serial and parallel.
\getenv srcdir PG_ABS_SRCDIR
\set error_of :srcdir '/sql/include/error_of.psql'
\i :error_of

SELECT avg(v), sum(v), min(v::text), count(v)
FROM unnest(ARRAY['[1,2,3]'::vector, '[3,5,7]', NULL]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY[NULL]::vector[]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY[]::vector[]) v;
-- Sums of avg are kept in double precision: no overflow where the mean is a float.
SELECT avg(v) FROM unnest(ARRAY['[3e38]'::vector, '[3e38]']) v;
SELECT statement, pg_temp.error_of(statement) AS error FROM unnest(ARRAY[
  'SELECT sum(v) FROM unnest(ARRAY[''[3e38]''::vector, ''[3e38]'']) v',
  'SELECT avg(v) FROM unnest(ARRAY[''[1,2]''::vector, ''[3]'']) v',
  'SELECT sum(v) FROM unnest(ARRAY[''[1,2]''::vector, ''[3]'']) v',
  'SELECT vector_avg(''{}'')', 'SELECT vector_avg(''{{1,2}}'')', 'SELECT vector_avg(''{NULL,1}'')',
  'SELECT vector_avg(''{1}'')', 'SELECT vector_avg(''{1,1e39}'')',
  'SELECT vector_accum(''{}'', ''[1]'')', 'SELECT vector_accum(''{1,2}'', ''[1,2]'')',
  'SELECT vector_combine(''{}'', ''{1,2}'')', 'SELECT vector_combine(''{1,2}'', ''{}'')',
  'SELECT vector_combine(''{1,2}'', ''{1,2,3}'')', 'SELECT vector_combine(''{1,1.7e308}'', ''{1,1.7e308}'')'
]) WITH ORDINALITY AS statements (statement, place) ORDER BY place;
SELECT vector_accum('{0}', '[1,2]'), vector_accum('{1,1,2}', '[3,4]');
SELECT vector_combine('{1,1,2}', '{2,3,4}'), vector_combine('{0}', '{2,3,4}'), vector_combine('{2,3,4}', '{0}'),
       vector_combine('{0}', '{0}');
SELECT vector_avg('{0}') IS NULL AS no_rows, vector_avg('{2,3,4}');
-- Called outside an aggregate, they leave their arguments alone.
CREATE TABLE states AS SELECT '{1,1,2}'::float8[] AS state;
SELECT vector_accum(state, '[3,4]'), vector_combine(state, state), state FROM states;

CREATE TABLE averaged (i int, g int, v vector(3));
INSERT INTO averaged SELECT i, i % 3, ARRAY[i, -i, i % 7]::vector FROM generate_series(1, 3000) i;
ANALYZE averaged;
SELECT g, avg(v), sum(v) FROM averaged GROUP BY g ORDER BY g;
SELECT i, avg(v) OVER w, sum(v) OVER w FROM averaged WHERE i <= 4 WINDOW w AS (ORDER BY i ROWS 1 PRECEDING)
ORDER BY i;

SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET parallel_leader_participation = off;
EXPLAIN (COSTS OFF) SELECT avg(v), sum(v) FROM averaged;
SELECT avg(v), sum(v) FROM averaged;
-- Workers that saw no rows: all of them, then some.
EXPLAIN (COSTS OFF) SELECT avg(v), sum(v) FROM averaged WHERE i + 0 < 0;
SELECT avg(v), sum(v) FROM averaged WHERE i + 0 < 0;
SELECT avg(v), sum(v) FROM averaged WHERE i + 0 < 2;
DROP TABLE averaged, states;
