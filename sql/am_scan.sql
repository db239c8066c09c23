-- A scan goes on for as long as it is asked, and can be started again, held open and repeated.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/am_helpers.psql'
\i :helpers
\set error_of :srcdir '/sql/include/error_of.psql'
\i :error_of

CREATE TABLE items (id int PRIMARY KEY, bucket int, v vector(8));
INSERT INTO items SELECT i, i % 100, pg_temp.clustered(i, 8) FROM generate_series(1, 2000) i;
CREATE INDEX items_v ON items USING vseg (v);
INSERT INTO items SELECT i, i % 100, pg_temp.clustered(i, 8) FROM generate_series(2001, 2500) i;
ANALYZE items;
SELECT pg_temp.made(77, 8) AS query \gset
SET enable_seqscan = off;
SET enable_sort = off;

-- LIMIT 0, LIMIT beyond the last row.
SELECT id FROM items ORDER BY v <-> :'query' LIMIT 0;
SET vseg.iterative_scan = relaxed_order;
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> :'query' LIMIT 100000) found;
RESET vseg.iterative_scan;

-- Without LIMIT the index, when forced, returns every row once, nearest first: what strict order
-- drops because it is found late is little, and relaxed order has it.
EXPLAIN (COSTS OFF) SELECT id FROM items ORDER BY v <-> :'query';
SELECT count(*) >= 2450 AS most, count(*) = count(DISTINCT id) AS once
FROM (SELECT id FROM items ORDER BY v <-> :'query') found;
SELECT pg_temp.ascending(pg_temp.by_index(pg_temp.search('items', '<->', :'query', 2500)));
SET vseg.ef_search = 1;
SELECT pg_temp.ascending(pg_temp.by_index(pg_temp.search('items', '<->', :'query', 2500)));
SET vseg.iterative_scan = relaxed_order;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <-> :'query') found;
RESET vseg.ef_search;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <-> :'query') found;
RESET vseg.iterative_scan;
SET vseg.ef_search = 2500;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <-> :'query') found;

-- OFFSET: pages of an answer put together are the answer.
SELECT pg_temp.by_index(format('(%s OFFSET 0) ', pg_temp.search('items', '<->', :'query', 20)))
    || pg_temp.by_index(format('(%s OFFSET 20)', pg_temp.search('items', '<->', :'query', 20)))
     = pg_temp.by_index(pg_temp.search('items', '<->', :'query', 40)) AS pages_fit;
RESET vseg.ef_search;

-- A filter that leaves 25 of 2,500 rows: the scan goes on until it has LIMIT rows.
PREPARE filtered AS
  SELECT v <-> :'query' AS distance FROM items WHERE bucket = 7 ORDER BY v <-> :'query' LIMIT 10;
EXPLAIN (COSTS OFF) EXECUTE filtered;
SELECT format('SELECT v <-> %1$L FROM items WHERE bucket = 7 ORDER BY v <-> %1$L LIMIT 10',
              :'query') AS filtered \gset
SELECT cardinality(pg_temp.by_index(:'filtered')), pg_temp.ascending(pg_temp.by_index(:'filtered')),
       (SELECT count(*) >= 9 FROM unnest(pg_temp.by_index(:'filtered')) d
        WHERE d <= (pg_temp.by_scan(:'filtered'))[10]) AS nearest;
SET vseg.iterative_scan = relaxed_order;
SELECT cardinality(pg_temp.by_index(:'filtered')),
       (SELECT count(*) >= 9 FROM unnest(pg_temp.by_index(:'filtered')) d
        WHERE d <= (pg_temp.by_scan(:'filtered'))[10]) AS nearest;
-- Without iteration a scan ends after vseg.ef_search rows, filtered or not.
SET vseg.iterative_scan = off;
SELECT cardinality(pg_temp.by_index(:'filtered')) < 10;
SELECT cardinality(pg_temp.by_index(pg_temp.search('items', '<->', :'query', 1000)));
SET vseg.ef_search = 3;
SELECT cardinality(pg_temp.by_index(pg_temp.search('items', '<->', :'query', 1000)));
RESET vseg.ef_search;
RESET vseg.iterative_scan;
DEALLOCATE filtered;

-- A filter that nothing passes ends, after all rows.
SELECT id FROM items WHERE bucket = -1 ORDER BY v <-> :'query' LIMIT 5;

-- LATERAL: one scan after the other with another query each time, a null one among them.
CREATE TABLE queries (id int, q vector(8));
INSERT INTO queries SELECT i, pg_temp.clustered(5000 + i, 8) FROM generate_series(1, 30) i;
INSERT INTO queries VALUES (31, NULL);
EXPLAIN (COSTS OFF)
SELECT queries.id, found.id FROM queries,
  LATERAL (SELECT id FROM items ORDER BY v <-> q LIMIT 5) found;
SELECT count(*), count(DISTINCT queries.id) FROM queries,
  LATERAL (SELECT id FROM items ORDER BY v <-> q LIMIT 5) found;
SET vseg.ef_search = 2500;
SELECT count(*) FILTER (WHERE distances = pg_temp.by_scan(pg_temp.search('items', '<->', q, 5)))
FROM queries, LATERAL (SELECT array(SELECT v <-> q FROM items ORDER BY v <-> q LIMIT 5) AS distances) f
WHERE q IS NOT NULL;
RESET vseg.ef_search;
-- The same scan with the same query again.
SELECT count(DISTINCT found.id), count(*) FROM generate_series(1, 3) i,
  LATERAL (SELECT id, i FROM items ORDER BY v <-> :'query' LIMIT 4) found;
-- A join that stops an inner scan early.
SELECT count(*) FROM queries WHERE EXISTS
  (SELECT FROM (SELECT id, v FROM items ORDER BY v <-> q LIMIT 50) near WHERE near.id % 2 = 0);

-- Cursors: forward, skipping, the end, and backward where the plan keeps what it returned.
SELECT format('SELECT v <-> %1$L::vector AS distance FROM items ORDER BY v <-> %1$L::vector',
              :'query') AS statement \gset
CREATE FUNCTION pg_temp.fetched(cursor_name refcursor, n int) RETURNS float8[]
LANGUAGE plpgsql AS $$
DECLARE
  d float8;
  distances float8[] := '{}';
BEGIN
  FOR i IN 1..n LOOP
    FETCH cursor_name INTO d;
    distances := distances || d;
  END LOOP;
  RETURN distances;
END
$$;
BEGIN;
DECLARE forward NO SCROLL CURSOR FOR :statement;
SELECT pg_temp.fetched('forward', 100) AS first \gset
MOVE FORWARD 100 IN forward;
SELECT pg_temp.fetched('forward', 100) AS third \gset
SELECT pg_temp.ascending(:'first'::float8[] || :'third'::float8[]) AS ascending,
       :'first'::float8[] = all_rows[1:100] AS first, :'third'::float8[] = all_rows[201:300] AS third
FROM pg_temp.by_index(:'statement' || ' LIMIT 300') all_rows;
FETCH BACKWARD 1 FROM forward;
ROLLBACK;
BEGIN;
EXPLAIN (COSTS OFF) DECLARE both_ways SCROLL CURSOR FOR :statement;
DECLARE both_ways SCROLL CURSOR FOR :statement;
SELECT pg_temp.fetched('both_ways', 50) AS before \gset
MOVE BACKWARD ALL IN both_ways;
SELECT pg_temp.fetched('both_ways', 50) = :'before'::float8[] AS same_again;
FETCH PRIOR FROM both_ways \g /dev/null
-- Rows that come after the cursor was opened are not in it.
INSERT INTO items VALUES (9999, 0, :'query');
MOVE ABSOLUTE 0 IN both_ways;
SELECT pg_temp.fetched('both_ways', 50) = :'before'::float8[] AS same_again;
-- Two scans at once.
DECLARE other CURSOR FOR :statement;
SELECT (pg_temp.fetched('other', 1))[1] AS nearest;
SELECT pg_temp.fetched('both_ways', 20) AS next \gset
SELECT pg_temp.ascending(:'next');
ROLLBACK;
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT id FROM items ORDER BY v <-> :'query' LIMIT 5;
COMMIT;
SELECT count(*) FROM items WHERE id > 2500;
MOVE ALL IN held;
CLOSE held;

-- Prepared statements, with custom plans and a generic one.
PREPARE nearest(vector) AS SELECT id FROM items ORDER BY v <-> $1 LIMIT 1;
SET plan_cache_mode = force_custom_plan;
EXPLAIN (COSTS OFF) EXECUTE nearest(:'query');
CREATE TEMP TABLE answer AS EXECUTE nearest(:'query');
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE nearest(:'query');
CREATE TEMP TABLE generic_answer AS EXECUTE nearest(:'query');
SELECT count(*) FROM answer NATURAL JOIN generic_answer;
EXECUTE nearest(NULL) \g /dev/null
RESET plan_cache_mode;

-- A query of the wrong length is refused, and the next one answered.
EXECUTE nearest('[1,2,3]');
SELECT pg_temp.error_of($$SELECT id FROM items ORDER BY v <-> '[1]' LIMIT 1$$);
SELECT pg_temp.error_of($$SELECT id FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8,9]' LIMIT 1$$);
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> :'query' LIMIT 5) found;

-- Aggregates and window functions over an ordered scan.
SELECT sum(row_number) FROM (
  SELECT row_number() OVER (ORDER BY v <-> :'query') FROM items LIMIT 10) numbered;
DROP TABLE items, queries;
