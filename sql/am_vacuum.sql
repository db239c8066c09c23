-- Updates, deletes and VACUUM: dead rows become tombstones, are never returned, and their
-- addresses serve new rows.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/am_helpers.psql'
\i :helpers
SET enable_seqscan = off;
SET enable_sort = off;
SET vseg.iterative_scan = relaxed_order;

CREATE TABLE items (id int, note text, v vector(3)) WITH (autovacuum_enabled = off, fillfactor = 50);
CREATE INDEX items_v ON items USING vseg (v);
CREATE VIEW segments AS SELECT kind, state, rows, dead_rows FROM vseg_segments('items_v');
CREATE FUNCTION pg_temp.found() RETURNS TABLE (rows bigint, ids bigint, missing bigint)
LANGUAGE sql AS $$
  SELECT count(*), count(DISTINCT id), (SELECT count(*) FROM items) - count(DISTINCT id)
  FROM (SELECT id FROM items ORDER BY v <-> '[1,2,3]') found
$$;
-- Whether every row's address is found under the row's own vector: an address that was taken over
-- by another row would show up with a stranger's distance.
CREATE FUNCTION pg_temp.ordered() RETURNS boolean LANGUAGE sql SET vseg.ef_search = 10000 AS $$
  SELECT pg_temp.ascending(array(SELECT v <-> '[1,2,3]' FROM items ORDER BY v <-> '[1,2,3]'))
$$;
INSERT INTO items SELECT i, 'built', pg_temp.made(i, 3) FROM generate_series(1, 1000) i;
REINDEX INDEX items_v;
INSERT INTO items SELECT i, 'appended', pg_temp.made(i, 3) FROM generate_series(1001, 1600) i;
SELECT * FROM segments;
SELECT * FROM pg_temp.found();

-- An update that leaves the vector alone and has room on its page is not seen by the index.
UPDATE items SET note = note || '.' WHERE id <= 10;
SELECT * FROM segments;
SELECT * FROM pg_temp.found();
-- A new vector is a new entry, found at its place; the old one leads nowhere.
UPDATE items SET v = '[1,2,3]' WHERE id IN (5, 1005);
SELECT * FROM segments;
SELECT id FROM (SELECT id FROM items ORDER BY v <-> '[1,2,3]' LIMIT 2) nearest ORDER BY id;
SELECT * FROM pg_temp.found();

-- Deleted rows are not returned, before VACUUM and after it.
DELETE FROM items WHERE id % 4 = 0;
SELECT * FROM pg_temp.found();
SELECT * FROM segments;
VACUUM items;
SELECT * FROM segments;
SELECT * FROM pg_temp.found();
SELECT pg_temp.ordered();
-- VACUUM with nothing to do changes nothing, nor does ANALYZE.
SELECT pg_relation_size('items_v') AS size, sum(hashtext(s::text)) AS segments FROM segments s \gset
VACUUM items;
VACUUM (INDEX_CLEANUP on) items;
VACUUM FREEZE items;
ANALYZE items;
VACUUM ANALYZE items;
SELECT pg_relation_size('items_v') = :size AS same_size,
       sum(hashtext(s::text)) = :segments AS same_segments FROM segments s;

-- New rows at the old addresses.
SELECT pg_relation_size('items') AS heap_size \gset
INSERT INTO items SELECT i, 'again', pg_temp.made(i, 3) FROM generate_series(5001, 5300) i;
SELECT pg_relation_size('items') = :heap_size AS addresses_reused;
SELECT * FROM segments;
SELECT * FROM pg_temp.found();
SELECT pg_temp.ordered();

-- All but one row, in the segment and in the tail.
DELETE FROM items WHERE id NOT IN (7, 1001);
VACUUM items;
SELECT * FROM segments;
SELECT id FROM (SELECT id FROM items ORDER BY v <-> '[1,2,3]' LIMIT 10) found ORDER BY id;
SET vseg.ef_search = 1;
SELECT id FROM (SELECT id FROM items ORDER BY v <-> '[1,2,3]' LIMIT 10) found ORDER BY id;
RESET vseg.ef_search;
-- Every row, and the same data again.
DELETE FROM items;
VACUUM items;
SELECT id FROM items ORDER BY v <-> '[1,2,3]' LIMIT 10;
SELECT * FROM segments;
INSERT INTO items SELECT i, 'anew', pg_temp.made(i, 3) FROM generate_series(1, 500) i;
SELECT * FROM pg_temp.found();
SELECT pg_temp.ordered();
VACUUM items;
SELECT * FROM pg_temp.found();
-- Dead rows without VACUUM do not make a search return too little, whatever vseg.ef_search is.
DELETE FROM items WHERE id > 20;
SET vseg.ef_search = 1;
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> '[1,2,3]' LIMIT 20) found;
SET vseg.iterative_scan = strict_order;
SELECT count(*) >= 15 FROM (SELECT id FROM items ORDER BY v <-> '[1,2,3]' LIMIT 20) found;
SET vseg.iterative_scan = relaxed_order;
RESET vseg.ef_search;

-- VACUUM FULL leaves what lives.
VACUUM FULL items;
SELECT * FROM segments;
SELECT * FROM pg_temp.found();

-- Rows of a transaction that was rolled back are dead like deleted ones.
BEGIN;
SET LOCAL vseg.memtable_size = '64kB';
INSERT INTO items SELECT i, 'never', pg_temp.made(i, 3) FROM generate_series(10001, 15000) i;
ROLLBACK;
SELECT * FROM pg_temp.found();
VACUUM items;
SELECT rows > 0 AS written, rows = dead_rows AS all_dead FROM segments WHERE kind = 'append chain';
SELECT * FROM pg_temp.found();

-- A row an old snapshot still sees stays, for it.
DROP VIEW segments;
DROP TABLE items;
CREATE TABLE items (id int, v vector(3)) WITH (autovacuum_enabled = off);
INSERT INTO items SELECT i, pg_temp.made(i, 3) FROM generate_series(1, 100) i;
CREATE INDEX items_v ON items USING vseg (v);
BEGIN ISOLATION LEVEL REPEATABLE READ;
DECLARE old CURSOR FOR SELECT id FROM items ORDER BY v <-> '[1,2,3]';
FETCH 1 FROM old \g /dev/null
DELETE FROM items WHERE id <= 50;
MOVE ALL IN old;
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> '[1,2,3]') found;
COMMIT;
VACUUM items;
SELECT kind, rows, dead_rows FROM vseg_segments('items_v');
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> '[1,2,3]') found;

-- What VACUUM tells of the index, and the statistics the planner has of it.
VACUUM ANALYZE items;
SELECT relname, reltuples FROM pg_class WHERE oid IN ('items'::regclass, 'items_v'::regclass)
ORDER BY relname;
INSERT INTO items SELECT i, pg_temp.made(i, 3) FROM generate_series(101, 150) i;
VACUUM items;
SELECT relname, reltuples FROM pg_class WHERE oid IN ('items'::regclass, 'items_v'::regclass)
ORDER BY relname;

-- A segment whose rows fill several pages of addresses, and an index of several segments.
CREATE TABLE many (id int, v vector(2)) WITH (autovacuum_enabled = off);
INSERT INTO many SELECT i, ARRAY[i % 97, i / 97]::vector FROM generate_series(1, 9000) i;
CREATE INDEX many_one ON many USING vseg (v) WITH (m = 4, ef_construction = 16);
SET maintenance_work_mem = '1MB';
SET client_min_messages = warning;
CREATE INDEX many_several ON many USING vseg (v vector_l1_ops) WITH (m = 4, ef_construction = 16);
RESET maintenance_work_mem;
RESET client_min_messages;
SELECT count(*) > 2 AS several, min(rows) FILTER (WHERE kind = 'graph segment') > 100 AS none_tiny
FROM vseg_segments('many_several');
DELETE FROM many WHERE id % 3 = 0 OR id BETWEEN 4000 AND 4999;
VACUUM many;
SELECT count(*) AS live FROM many;
SELECT sum(rows) AS rows, sum(dead_rows) AS dead_rows FROM vseg_segments('many_one');
SELECT sum(rows) AS rows, sum(dead_rows) AS dead_rows FROM vseg_segments('many_several');
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM many ORDER BY v <-> '[50,50]') found;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM many ORDER BY v <+> '[50,50]') found;
-- The deleted rows' addresses go to rows that are elsewhere: none is found at the old place.
INSERT INTO many SELECT i, ARRAY[1000 + i % 97, i / 97]::vector FROM generate_series(10001, 13000) i;
SELECT count(*) FILTER (WHERE id > 10000) FROM
  (SELECT id FROM many ORDER BY v <-> '[50,50]' LIMIT 1000) found;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM many ORDER BY v <+> '[50,50]') found;
DROP TABLE many;

-- Vacuumed by parallel workers, one an index.
CREATE INDEX items_v2 ON items USING vseg (v vector_l1_ops);
CREATE INDEX items_v3 ON items USING vseg (v vector_ip_ops);
DELETE FROM items WHERE id % 2 = 0;
SET min_parallel_index_scan_size = 0;
VACUUM (PARALLEL 2) items;
RESET min_parallel_index_scan_size;
SELECT i, sum(rows) AS rows, sum(dead_rows) AS dead_rows
FROM unnest(ARRAY['items_v', 'items_v2', 'items_v3']) i, vseg_segments(i::regclass) GROUP BY i ORDER BY i;
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <+> '[1,2,3]') found;
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <#> '[1,2,3]') found;
DROP TABLE items;
