-- The index follows its table through whatever is done to it.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/am_helpers.psql'
\i :helpers
\set error_of :srcdir '/sql/include/error_of.psql'
\i :error_of
SET enable_seqscan = off;
SET enable_sort = off;
SET vseg.iterative_scan = relaxed_order;

CREATE TABLE items (id int PRIMARY KEY, category int, v vector(3));
CREATE INDEX items_v ON items USING vseg (v);
-- Whether the index returns every row, each once.
CREATE FUNCTION pg_temp.whole(rel text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  by_index int[];
  by_table int[];
  line text;
  used boolean := false;
BEGIN
  FOR line IN EXECUTE format('EXPLAIN SELECT id FROM %s ORDER BY v <-> ''[1,2,3]''', rel) LOOP
    used := used OR line ~ 'Index Scan using';
  END LOOP;
  EXECUTE format('SELECT array(SELECT id FROM (SELECT id FROM %s ORDER BY v <-> ''[1,2,3]'') f ORDER BY id)', rel)
  INTO by_index;
  PERFORM set_config('enable_indexscan', 'off', true);
  EXECUTE format('SELECT array(SELECT id FROM %s ORDER BY id)', rel) INTO by_table;
  PERFORM set_config('enable_indexscan', 'on', true);
  RETURN CASE WHEN NOT used THEN 'index not used'
              WHEN by_index = by_table THEN cardinality(by_index) || ' rows'
              ELSE format('%s of %s rows', cardinality(by_index), cardinality(by_table)) END;
END
$$;
INSERT INTO items SELECT i, i % 4, CASE WHEN i % 9 > 0 THEN pg_temp.made(i, 3) END
FROM generate_series(1, 900) i;
SELECT pg_temp.whole('items');

-- TRUNCATE, also undone.
TRUNCATE items;
SELECT pg_temp.whole('items');
SELECT kind, rows FROM vseg_segments('items_v');
INSERT INTO items SELECT i, i % 4, pg_temp.made(i, 3) FROM generate_series(1, 300) i;
SELECT pg_temp.whole('items');
BEGIN;
TRUNCATE items;
INSERT INTO items SELECT i, i % 4, pg_temp.made(i, 3) FROM generate_series(1, 20) i;
SELECT pg_temp.whole('items');
ROLLBACK;
SELECT pg_temp.whole('items');
BEGIN;
INSERT INTO items SELECT i, i % 4, pg_temp.made(i, 3) FROM generate_series(301, 310) i;
TRUNCATE items;
INSERT INTO items SELECT i, i % 4, pg_temp.made(i, 3) FROM generate_series(1, 400) i;
COMMIT;
SELECT pg_temp.whole('items');

-- REINDEX, also undone.
REINDEX INDEX items_v;
SELECT pg_temp.whole('items');
SELECT kind, rows FROM vseg_segments('items_v');
BEGIN;
INSERT INTO items SELECT i, i % 4, pg_temp.made(i, 3) FROM generate_series(401, 410) i;
REINDEX TABLE items;
INSERT INTO items SELECT i, i % 4, pg_temp.made(i, 3) FROM generate_series(411, 420) i;
SELECT pg_temp.whole('items');
SAVEPOINT here;
INSERT INTO items SELECT i, i % 4, pg_temp.made(i, 3) FROM generate_series(421, 430) i;
REINDEX TABLE items;
ROLLBACK TO here;
SELECT pg_temp.whole('items');
COMMIT;
SELECT pg_temp.whole('items');

-- Without blocking writers.
CREATE INDEX CONCURRENTLY items_concurrent ON items USING vseg (v);
SELECT indisvalid, indisready FROM pg_index WHERE indexrelid = 'items_concurrent'::regclass;
DROP INDEX items_v;
SELECT pg_temp.whole('items');
INSERT INTO items SELECT i, i % 4, pg_temp.made(i, 3) FROM generate_series(501, 520) i;
REINDEX INDEX CONCURRENTLY items_concurrent;
SELECT pg_temp.whole('items');
SELECT indisvalid, indisready FROM pg_index WHERE indexrelid = 'items_concurrent'::regclass;
SELECT kind, rows FROM vseg_segments('items_concurrent');
DROP INDEX CONCURRENTLY items_concurrent;
SELECT count(*) FROM pg_class WHERE relname LIKE 'items_concurrent%';
CREATE INDEX items_v ON items USING vseg (v);

-- A rewrite of the table gives its rows new addresses.
ALTER TABLE items ADD COLUMN stamp timestamptz DEFAULT clock_timestamp();
SELECT pg_temp.whole('items');
ALTER TABLE items ALTER COLUMN v TYPE vector(3) USING (v + '[1,1,1]');
SELECT pg_temp.whole('items');
-- An index may also pass to a new one as it is, with the rows that were not written yet.
BEGIN;
INSERT INTO items (id, category, v) SELECT i, i % 4, pg_temp.made(i, 3) FROM generate_series(1511, 1515) i;
ALTER TABLE items ALTER COLUMN v TYPE vector(3);
SELECT pg_temp.whole('items');
SAVEPOINT here;
INSERT INTO items (id, category, v) SELECT i, i % 4, pg_temp.made(i, 3) FROM generate_series(1516, 1518) i;
ALTER TABLE items ALTER COLUMN v TYPE vector(3);
INSERT INTO items (id, category, v) VALUES (1519, 1, '[1,2,3]');
ROLLBACK TO here;
SELECT pg_temp.whole('items');
INSERT INTO items (id, category, v) VALUES (1520, 1, '[1,2,3]');
COMMIT;
SELECT pg_temp.whole('items');
DELETE FROM items WHERE id > 1510;
-- The index takes the column's new dimensions with it.
ALTER TABLE items ALTER COLUMN v TYPE vector(2) USING subvector(v, 1, 2);
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> '[1,2]') found;
SELECT pg_temp.error_of($$SELECT id FROM items ORDER BY v <-> '[1,2,3]' LIMIT 1$$);
ALTER TABLE items ALTER COLUMN v TYPE vector(3) USING (v || '[0]');
SELECT pg_temp.whole('items');
-- A column that loses its dimensions keeps its index and the index its own, until it has to be
-- built again: then it says what is missing.
ALTER TABLE items ALTER COLUMN v TYPE vector;
SELECT pg_temp.whole('items');
INSERT INTO items SELECT i, i % 4, pg_temp.made(i, 3) FROM generate_series(521, 530) i;
SELECT pg_temp.error_of($$INSERT INTO items VALUES (531, 1, '[1,2]')$$);
SELECT pg_temp.error_of('REINDEX INDEX items_v');
SELECT pg_temp.whole('items');
ALTER TABLE items ALTER COLUMN v TYPE vector(3);
SELECT pg_temp.whole('items');
VACUUM FULL items;
SELECT pg_temp.whole('items');
CLUSTER items USING items_pkey;
SELECT pg_temp.whole('items');
SELECT pg_temp.error_of('CLUSTER items USING items_v');
ALTER TABLE items DROP COLUMN stamp;
ALTER TABLE items RENAME COLUMN v TO embedding;
SELECT count(*) FROM (SELECT id FROM items ORDER BY embedding <-> '[1,2,3]') found;
ALTER TABLE items RENAME COLUMN embedding TO v;

-- Out of the log and back: rows, and inserts in every state.
ALTER TABLE items SET UNLOGGED;
SELECT pg_temp.whole('items');
INSERT INTO items SELECT i, i % 4, pg_temp.made(i, 3) FROM generate_series(601, 610) i;
SELECT pg_temp.whole('items');
ALTER TABLE items SET LOGGED;
SELECT pg_temp.whole('items');
INSERT INTO items SELECT i, i % 4, pg_temp.made(i, 3) FROM generate_series(611, 620) i;
SELECT pg_temp.whole('items');

-- DROP, undone and done.
BEGIN;
INSERT INTO items SELECT i, i % 4, pg_temp.made(i, 3) FROM generate_series(621, 630) i;
DROP INDEX items_v;
ROLLBACK;
SELECT pg_temp.whole('items');
BEGIN;
INSERT INTO items SELECT i, i % 4, pg_temp.made(i, 3) FROM generate_series(621, 630) i;
DROP INDEX items_v;
COMMIT;
SELECT pg_temp.whole('items');
CREATE INDEX items_v ON items USING vseg (v);
SELECT pg_temp.whole('items');
DROP TABLE items;

-- An index on an expression, and on part of a table.
CREATE TABLE items (id int PRIMARY KEY, category int, v vector(3));
INSERT INTO items SELECT i, i % 4, pg_temp.made(i, 3) FROM generate_series(1, 400) i;
CREATE INDEX items_expression ON items USING vseg ((subvector(v, 1, 2)::vector(2)) vector_l1_ops);
EXPLAIN (COSTS OFF)
SELECT id FROM items ORDER BY subvector(v, 1, 2)::vector(2) <+> '[0.25,0.6]' LIMIT 5;
INSERT INTO items VALUES (1001, 0, '[0.25,0.5,99]'), (1002, 1, '[0.5,0.5,-99]');
SELECT id FROM items ORDER BY subvector(v, 1, 2)::vector(2) <+> '[0.25,0.6]' LIMIT 2;
DROP INDEX items_expression;
CREATE INDEX items_partial ON items USING vseg (v) WHERE category = 1;
SELECT sum(rows) FROM vseg_segments('items_partial');
INSERT INTO items SELECT i, i % 4, pg_temp.made(i, 3) FROM generate_series(2001, 2040) i;
SELECT sum(rows) FROM vseg_segments('items_partial');
EXPLAIN (COSTS OFF) SELECT id FROM items WHERE category = 1 ORDER BY v <-> '[1,2,3]' LIMIT 5;
SELECT count(*), count(DISTINCT id), min(category), max(category) FROM
  (SELECT id, category FROM items WHERE category = 1 ORDER BY v <-> '[1,2,3]') found;
-- A row may move in and out of it.
UPDATE items SET category = 2 WHERE id = 1002;
UPDATE items SET category = 1 WHERE id = 1001;
SELECT id FROM items WHERE category = 1 ORDER BY v <-> '[0.25,0.5,99]' LIMIT 1;
SELECT count(*) FROM (SELECT id FROM items WHERE category = 1 ORDER BY v <-> '[1,2,3]') found;
DROP TABLE items;

-- Partitions each have their own index, and their answers merge.
CREATE TABLE items (id int, category int, v vector(3)) PARTITION BY LIST (category);
CREATE TABLE items_0 PARTITION OF items FOR VALUES IN (0);
CREATE TABLE items_1 PARTITION OF items FOR VALUES IN (1);
CREATE INDEX items_v ON items USING vseg (v);
CREATE TABLE items_2 PARTITION OF items FOR VALUES IN (2);
INSERT INTO items SELECT i, i % 3, pg_temp.made(i, 3) FROM generate_series(1, 300) i;
EXPLAIN (COSTS OFF) SELECT id FROM items ORDER BY v <-> '[1,2,3]' LIMIT 5;
SELECT pg_temp.by_index('SELECT v <-> ''[1,2,3]'' FROM items ORDER BY v <-> ''[1,2,3]'' LIMIT 20')
     = pg_temp.by_scan('SELECT v <-> ''[1,2,3]'' FROM items ORDER BY v <-> ''[1,2,3]'' LIMIT 20') AS equal;
SELECT pg_temp.whole('items');
UPDATE items SET category = 2 WHERE id <= 30 AND category = 0;
SELECT pg_temp.whole('items');
ALTER TABLE items DETACH PARTITION items_1;
SELECT pg_temp.whole('items'), pg_temp.whole('items_1');
ALTER TABLE items ATTACH PARTITION items_1 FOR VALUES IN (1);
SELECT pg_temp.whole('items');
SELECT count(*) FROM pg_inherits WHERE inhparent = 'items_v'::regclass;
-- The index of the whole has no pages of its own.
SELECT pg_temp.error_of($$SELECT * FROM vseg_segments('items_v')$$);
DROP TABLE items;

-- The indexes of a table and of its child merge likewise.
CREATE TABLE items (id int, v vector(3));
CREATE TABLE items_child () INHERITS (items);
CREATE INDEX items_v ON items USING vseg (v);
CREATE INDEX items_child_v ON items_child USING vseg (v);
INSERT INTO items VALUES (1, '[1,1,1]');
INSERT INTO items_child VALUES (2, '[0,0,0]'), (3, '[3,3,3]');
SELECT id FROM items ORDER BY v <-> '[0.9,0.9,0.9]';
DROP TABLE items CASCADE;

-- Unlogged and temporary tables.
CREATE UNLOGGED TABLE unlogged (id int, v vector(3));
CREATE INDEX unlogged_v ON unlogged USING vseg (v);
INSERT INTO unlogged SELECT i, pg_temp.made(i, 3) FROM generate_series(1, 200) i;
SELECT pg_temp.whole('unlogged');
REINDEX INDEX unlogged_v;
INSERT INTO unlogged SELECT i, pg_temp.made(i, 3) FROM generate_series(201, 210) i;
DELETE FROM unlogged WHERE id <= 50;
VACUUM unlogged;
SELECT pg_temp.whole('unlogged');
TRUNCATE unlogged;
SELECT pg_temp.whole('unlogged');
DROP TABLE unlogged;
CREATE TEMP TABLE passing (id int, v vector(3));
INSERT INTO passing SELECT i, pg_temp.made(i, 3) FROM generate_series(1, 200) i;
CREATE INDEX passing_v ON passing USING vseg (v);
INSERT INTO passing SELECT i, pg_temp.made(i, 3) FROM generate_series(201, 210) i;
DELETE FROM passing WHERE id <= 50;
VACUUM passing;
SELECT pg_temp.whole('passing');
SELECT kind, rows, dead_rows FROM vseg_segments('passing_v');
DROP TABLE passing;
CREATE TEMP TABLE passing (id int, v vector(3)) ON COMMIT DELETE ROWS;
CREATE INDEX passing_v ON passing USING vseg (v);
BEGIN;
INSERT INTO passing SELECT i, pg_temp.made(i, 3) FROM generate_series(1, 100) i;
SELECT pg_temp.whole('passing');
COMMIT;
SELECT pg_temp.whole('passing');
BEGIN;
INSERT INTO passing SELECT i, pg_temp.made(i, 3) FROM generate_series(1, 70) i;
SELECT pg_temp.whole('passing');
COMMIT;
SELECT rows FROM vseg_segments('passing_v');
BEGIN;
CREATE TEMP TABLE fleeting (id int, v vector(3)) ON COMMIT DROP;
CREATE INDEX fleeting_v ON fleeting USING vseg (v);
INSERT INTO fleeting SELECT i, pg_temp.made(i, 3) FROM generate_series(1, 70) i;
SELECT pg_temp.whole('fleeting');
COMMIT;
SELECT to_regclass('fleeting');
-- A table that its own transaction made.
BEGIN;
CREATE TABLE born (id int, v vector(3));
CREATE INDEX born_v ON born USING vseg (v);
INSERT INTO born SELECT i, pg_temp.made(i, 3) FROM generate_series(1, 70) i;
SELECT pg_temp.whole('born');
COMMIT;
SELECT pg_temp.whole('born');
DROP TABLE born;
BEGIN;
CREATE TABLE unborn (id int, v vector(3));
CREATE INDEX unborn_v ON unborn USING vseg (v);
INSERT INTO unborn SELECT i, pg_temp.made(i, 3) FROM generate_series(1, 70) i;
ROLLBACK;
SELECT to_regclass('unborn');
