-- Rows without a distance come last, as in a sequential scan: zero vectors under cosine, then nulls.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/am_helpers.psql'
\i :helpers
SET enable_seqscan = off;
SET enable_sort = off;

-- Of 3,000 rows a third has no vector, and a third a zero vector.
CREATE FUNCTION pg_temp.some_vector(i int) RETURNS vector LANGUAGE sql AS $$
  SELECT CASE i % 3 WHEN 0 THEN NULL WHEN 1 THEN '[0,0,0]' ELSE pg_temp.made(i, 3) END
$$;
-- The rows of a scan to its end, by what their distance is, in the order of the scan; and whether
-- each kind comes in one piece, and all are those of the table, each once.
CREATE FUNCTION pg_temp.look(operator text) RETURNS TABLE (distance text, rows bigint, whole bool)
LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format(
    'WITH found AS MATERIALIZED (SELECT id, v %1$s ''[1,2,3]'' AS d FROM items ORDER BY v %1$s ''[1,2,3]''),
     placed AS (SELECT *, row_number() OVER () AS place FROM found)
     SELECT CASE WHEN d IS NULL THEN ''null'' WHEN d = ''NaN'' THEN ''NaN'' ELSE ''number'' END,
            count(*), max(place) - min(place) + 1 = count(*)
            AND (SELECT array_agg(id ORDER BY id) FROM found) = (SELECT array_agg(id ORDER BY id) FROM items)
     FROM placed GROUP BY 1 ORDER BY min(place)', operator);
END
$$;
CREATE TABLE items (id int PRIMARY KEY, payload text, v vector(3));
CREATE INDEX items_v ON items USING vseg (v vector_cosine_ops);
INSERT INTO items SELECT i, '', pg_temp.some_vector(i) FROM generate_series(1, 1500) i;
SELECT * FROM pg_temp.look('<=>');
REINDEX INDEX items_v;
SELECT * FROM pg_temp.look('<=>');
INSERT INTO items SELECT i, '', pg_temp.some_vector(i) FROM generate_series(1501, 3000) i;
SELECT * FROM pg_temp.look('<=>');
SELECT kind, rows, dead_rows, pages FROM vseg_segments('items_v') WHERE kind = 'unranked rows';
SELECT reltuples FROM pg_class WHERE relname = 'items_v';

-- A LIMIT ends among them; a filter leaves some of them.
SELECT count(*), count(v) FROM (SELECT v FROM items ORDER BY v <=> '[1,2,3]' LIMIT 1990) s;
SELECT id, v FROM items WHERE id IN (3, 4, 5, 6) ORDER BY v <=> '[1,2,3]', id;
SELECT count(*) FROM (SELECT id FROM items WHERE v IS NULL ORDER BY v <=> '[1,2,3]' LIMIT 7) s;

-- Without going on, a search returns ef_search rows at most, whatever they are.
SET vseg.iterative_scan = off;
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <=> '[1,2,3]') s;
CREATE TABLE few (v vector(3));
CREATE INDEX ON few USING vseg (v);
INSERT INTO few VALUES ('[1,2,3]'), (NULL), ('[3,2,1]'), (NULL);
SELECT v FROM few ORDER BY v <-> '[3,2,1]';
SET vseg.ef_search = 3;
SELECT v FROM few ORDER BY v <-> '[3,2,1]';
RESET vseg.ef_search;
RESET vseg.iterative_scan;
SET vseg.iterative_scan = relaxed_order;
SELECT * FROM pg_temp.look('<=>');
RESET vseg.iterative_scan;

-- Null queries, and zero ones.
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <=> NULL::vector) s;
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <=> '[0,0,0]') s;

-- Updates to null and back, of other columns, and rows that go with a subtransaction.
UPDATE items SET v = NULL WHERE id % 10 = 2;
UPDATE items SET v = pg_temp.made(id, 3) WHERE id % 10 = 3;
UPDATE items SET payload = 'new' WHERE id % 10 = 4;
SELECT * FROM pg_temp.look('<=>');
BEGIN;
INSERT INTO items VALUES (4001, '', NULL);
SAVEPOINT s;
INSERT INTO items VALUES (4002, '', NULL), (4003, '', '[0,0,0]');
SELECT * FROM pg_temp.look('<=>');
INSERT INTO items VALUES (4004, '', NULL), (4005, '', '[0,0,0]');
ROLLBACK TO s;
INSERT INTO items VALUES (4006, '', '[0,0,0]');
SELECT * FROM pg_temp.look('<=>');
TRUNCATE items;
INSERT INTO items VALUES (1, '', NULL);
SELECT * FROM pg_temp.look('<=>');
ROLLBACK;
SELECT * FROM pg_temp.look('<=>');

-- VACUUM takes dead ones out, and rows to come take their places.
DELETE FROM items WHERE id % 2 = 0;
VACUUM items;
SELECT * FROM pg_temp.look('<=>');
SELECT rows, dead_rows, pages FROM vseg_segments('items_v') WHERE kind = 'unranked rows';
INSERT INTO items SELECT i, '', NULL FROM generate_series(5001, 6000) i;
SELECT * FROM pg_temp.look('<=>');
SELECT rows, pages FROM vseg_segments('items_v') WHERE kind = 'unranked rows';
CALL vseg_compact('items_v');
SELECT * FROM pg_temp.look('<=>');
DELETE FROM items;
VACUUM items;
SELECT * FROM pg_temp.look('<=>');
SELECT * FROM vseg_segments('items_v') WHERE kind = 'unranked rows';
INSERT INTO items SELECT i, '', NULL FROM generate_series(1, 3000) i;
SELECT * FROM pg_temp.look('<=>');
SELECT rows, pages FROM vseg_segments('items_v') WHERE kind = 'unranked rows';
DROP INDEX items_v;

-- Other metrics rank a zero vector.
TRUNCATE items;
INSERT INTO items SELECT i, '', pg_temp.some_vector(i) FROM generate_series(1, 300) i;
CREATE INDEX items_v ON items USING vseg (v vector_l2_ops);
SELECT * FROM pg_temp.look('<->');
DROP INDEX items_v;
CREATE INDEX items_v ON items USING vseg (v vector_ip_ops);
SELECT * FROM pg_temp.look('<#>');
DROP INDEX items_v;
CREATE INDEX items_v ON items USING vseg (v vector_l1_ops);
SELECT * FROM pg_temp.look('<+>');
DROP INDEX items_v;

-- Others' rows, of a unique violation that a row of the same statement ran into, of ON CONFLICT.
CREATE INDEX items_v ON items USING vseg (v vector_cosine_ops);
INSERT INTO items SELECT i, '', NULL FROM generate_series(290, 310) i ON CONFLICT DO NOTHING;
SELECT * FROM pg_temp.look('<=>');
DROP TABLE items, few;

-- A partial index, one of an expression, an unlogged table, a temporary one.
CREATE TABLE items (id int PRIMARY KEY, v vector(3));
INSERT INTO items SELECT i, pg_temp.some_vector(i) FROM generate_series(1, 300) i;
CREATE INDEX items_partial ON items USING vseg (v) WHERE v IS NOT NULL;
SELECT sum(rows) FROM vseg_segments('items_partial');
SELECT count(*) FROM (SELECT id FROM items WHERE v IS NOT NULL ORDER BY v <-> '[1,2,3]') s;
DROP INDEX items_partial;
CREATE INDEX items_half ON items USING vseg ((CASE WHEN id % 2 = 0 THEN v END::vector(3)));
SELECT kind, rows FROM vseg_segments('items_half') ORDER BY kind;
DROP INDEX items_half;
ALTER TABLE items SET UNLOGGED;
CREATE INDEX items_v ON items USING vseg (v);
INSERT INTO items SELECT i, NULL FROM generate_series(301, 2000) i;
SELECT * FROM pg_temp.look('<->');
DROP TABLE items;
CREATE TEMPORARY TABLE items (id int PRIMARY KEY, v vector(3));
CREATE INDEX items_v ON items USING vseg (v);
INSERT INTO items SELECT i, NULL FROM generate_series(301, 2000) i;
SELECT * FROM pg_temp.look('<->');
