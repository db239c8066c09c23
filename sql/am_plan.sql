-- The planner takes the index where it is the cheaper way, and never where it cannot answer.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/am_helpers.psql'
\i :helpers
\set error_of :srcdir '/sql/include/error_of.psql'
\i :error_of

CREATE TABLE items (id int PRIMARY KEY, rare int, common int, v vector(16));
INSERT INTO items
SELECT i, i % 50, (i % 50 > 0)::int, pg_temp.made(i % 500, 16) FROM generate_series(1, 10000) i;
CREATE INDEX items_v ON items USING vseg (v) WITH (m = 8, ef_construction = 20);
CREATE INDEX items_rare ON items (rare);
VACUUM ANALYZE items;
SELECT pg_temp.made(7777, 16) AS q \gset

-- ORDER BY distance LIMIT on a large table.
EXPLAIN (COSTS OFF) SELECT id FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6]' LIMIT 10;
-- What a query shows of its plan: the scan, not the vectors.
CREATE FUNCTION pg_temp.scan_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
    IF line ~ 'Scan' THEN
      RETURN ltrim(line, ' ->');
    END IF;
  END LOOP;
END
$$;
CREATE FUNCTION pg_temp.plans(statements text[]) RETURNS TABLE (statement text, scan text)
LANGUAGE sql AS $$
  SELECT replace(s, '$q', '...'), pg_temp.scan_of(replace(s, '$q', format('%L::vector',
    pg_temp.made(7777, 16))))
  FROM unnest(statements) WITH ORDINALITY AS tried (s, place) ORDER BY place
$$;
-- The index has no answer without ORDER BY, in the other direction, by another distance, or where
-- the distance is only part of the order's expression. Without LIMIT sorting is cheaper.
SELECT * FROM pg_temp.plans(ARRAY[
  'SELECT id FROM items ORDER BY v <-> $q LIMIT 10',
  'SELECT id FROM items ORDER BY $q <-> v LIMIT 10',
  'SELECT id FROM items ORDER BY v <-> $q',
  'SELECT id FROM items LIMIT 10',
  'SELECT count(*) FROM items',
  'SELECT id FROM items WHERE v <-> $q < 10',
  'SELECT id FROM items WHERE v = $q',
  'SELECT id FROM items ORDER BY v <-> $q DESC LIMIT 10',
  'SELECT id FROM items ORDER BY -(v <-> $q) LIMIT 10',
  'SELECT id FROM items ORDER BY v <+> $q LIMIT 10',
  'SELECT id FROM items ORDER BY v <#> $q LIMIT 10',
  'SELECT id FROM items ORDER BY v <=> $q LIMIT 10',
  'SELECT id FROM items ORDER BY l2_distance(v, $q) LIMIT 10',
  'SELECT id FROM items ORDER BY v LIMIT 10',
  'SELECT id FROM items ORDER BY v <-> v LIMIT 10'
]);
-- Not even where sequential scans are forbidden.
SET enable_seqscan = off;
SELECT * FROM pg_temp.plans(ARRAY[
  'SELECT id FROM items ORDER BY v <-> $q DESC LIMIT 10',
  'SELECT id FROM items ORDER BY v <+> $q LIMIT 10',
  'SELECT count(*) FROM items WHERE v <-> $q < 10'
]);
RESET enable_seqscan;

-- A filter that few rows pass, with an index of its own, and one that most rows pass.
SELECT * FROM pg_temp.plans(ARRAY[
  'SELECT id FROM items WHERE rare = 7 ORDER BY v <-> $q LIMIT 10',
  'SELECT id FROM items WHERE common = 1 ORDER BY v <-> $q LIMIT 10',
  'SELECT id FROM items WHERE id = 7 ORDER BY v <-> $q LIMIT 10',
  'SELECT id FROM items WHERE v <-> $q < 100 ORDER BY v <-> $q LIMIT 10'
]);
DROP INDEX items_rare;
SELECT * FROM pg_temp.plans(ARRAY[
  'SELECT id FROM items WHERE rare = 7 AND common = 1 ORDER BY v <-> $q LIMIT 10',
  'SELECT id FROM items WHERE common = 1 ORDER BY v <-> $q LIMIT 10'
]);
-- A partial index that fits the filter is taken instead.
CREATE INDEX items_partial ON items USING vseg (v) WITH (m = 8, ef_construction = 20) WHERE rare = 7;
ANALYZE items;
SELECT * FROM pg_temp.plans(ARRAY[
  'SELECT id FROM items WHERE rare = 7 ORDER BY v <-> $q LIMIT 10',
  'SELECT id FROM items WHERE rare = 8 AND common = 1 ORDER BY v <-> $q LIMIT 10'
]) WHERE scan ~ 'items_partial';
-- But not for its filter alone: it has no answer without an order.
SET enable_seqscan = off;
SELECT * FROM pg_temp.plans(ARRAY[
  'SELECT id FROM items WHERE rare = 7',
  'SELECT count(*) FROM items WHERE rare = 7',
  'SELECT id FROM items WHERE rare = 7 ORDER BY v <+> $q LIMIT 10'
]);
RESET enable_seqscan;

-- Joins that look for the nearest of each row.
EXPLAIN (COSTS OFF)
SELECT q.id, n.id FROM items q, LATERAL (SELECT id FROM items ORDER BY v <-> q.v LIMIT 3) n
WHERE q.id <= 5;
DROP TABLE items;

-- A tiny table is read whole.
CREATE TABLE tiny (id int, v vector(3));
INSERT INTO tiny SELECT i, ARRAY[i, i % 3, i % 5]::vector FROM generate_series(1, 20) i;
CREATE INDEX tiny_v ON tiny USING vseg (v);
ANALYZE tiny;
EXPLAIN (COSTS OFF) SELECT id FROM tiny ORDER BY v <-> '[1,2,3]' LIMIT 2;

-- What an index of this kind cannot be.
SELECT statement, pg_temp.error_of(statement) FROM unnest(ARRAY[
  'CREATE INDEX ON tiny USING vseg (v, v)',
  'CREATE INDEX ON tiny USING vseg (v) INCLUDE (id)',
  'CREATE UNIQUE INDEX ON tiny USING vseg (v)',
  'CREATE INDEX ON tiny USING vseg (v DESC)',
  'CREATE INDEX ON tiny USING vseg (v NULLS FIRST)',
  'CREATE INDEX ON tiny USING vseg (id)',
  'CREATE INDEX ON tiny USING vseg (v vector_ops)',
  'CREATE INDEX ON tiny USING vseg (id vector_l2_ops)',
  'CREATE INDEX ON tiny USING vseg ((v::real[]))',
  'ALTER TABLE tiny ADD EXCLUDE USING vseg (v WITH <->)',
  'ALTER TABLE tiny ADD EXCLUDE USING vseg (v WITH =)',
  'CLUSTER tiny USING tiny_v',
  'ALTER TABLE tiny REPLICA IDENTITY USING INDEX tiny_v'
]) WITH ORDINALITY AS tried (statement, place) ORDER BY place;
SELECT count(*) FROM pg_index WHERE indrelid = 'tiny'::regclass;
DROP TABLE tiny;
