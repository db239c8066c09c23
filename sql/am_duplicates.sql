-- Equal vectors are rows of their own: none hides another.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/am_helpers.psql'
\i :helpers
SET enable_seqscan = off;

-- An empty table, and one row.
CREATE TABLE items (id int, v vector(3));
CREATE INDEX items_v ON items USING vseg (v);
SELECT * FROM items ORDER BY v <-> '[1,2,3]' LIMIT 5;
SELECT kind, state, rows, dead_rows FROM vseg_segments('items_v');
INSERT INTO items VALUES (1, '[1,2,3]');
SELECT * FROM items ORDER BY v <-> '[1,2,3]' LIMIT 5;
REINDEX INDEX items_v;
SELECT * FROM items ORDER BY v <-> '[1,2,3]' LIMIT 5;
SELECT kind, state, rows, dead_rows FROM vseg_segments('items_v');
-- Only a null.
UPDATE items SET v = NULL;
REINDEX INDEX items_v;
SELECT * FROM items ORDER BY v <-> '[1,2,3]' LIMIT 5;
SELECT kind, state, rows, dead_rows FROM vseg_segments('items_v');
DROP TABLE items;

-- Twenty equal vectors, a search that keeps one candidate.
CREATE TABLE items (id int, v vector(3));
INSERT INTO items SELECT i, '[1,1,1]' FROM generate_series(1, 20) i;
CREATE INDEX items_v ON items USING vseg (v);
SET vseg.ef_search = 1;
SELECT count(*), count(DISTINCT id) FROM
  (SELECT id FROM items ORDER BY v <-> '[1,1,1]' LIMIT 10) found;
SELECT count(*), count(DISTINCT id) FROM
  (SELECT id FROM items ORDER BY v <-> '[1,1,1]' LIMIT 100) found;
-- From elsewhere, and with twenty more in the append pages.
INSERT INTO items SELECT i, '[1,1,1]' FROM generate_series(21, 40) i;
SELECT count(*), count(DISTINCT id) FROM
  (SELECT id FROM items ORDER BY v <-> '[7,8,9]' LIMIT 100) found;
SET vseg.iterative_scan = relaxed_order;
SELECT count(*), count(DISTINCT id) FROM
  (SELECT id FROM items ORDER BY v <-> '[7,8,9]' LIMIT 100) found;
RESET vseg.iterative_scan;
RESET vseg.ef_search;
DROP TABLE items;

-- Thousands of equal vectors, far more than a node has neighbours, among others; every operator
-- class. They are all found, and do not cut the others off.
CREATE TABLE items (id int, v vector(4));
INSERT INTO items SELECT i, '[5,5,5,5]' FROM generate_series(1, 3000) i;
INSERT INTO items SELECT i, pg_temp.made(i, 4) FROM generate_series(3001, 3200) i;
SET vseg.iterative_scan = relaxed_order;
CREATE INDEX items_v ON items USING vseg (v);
SELECT count(*), count(DISTINCT id), count(DISTINCT id) FILTER (WHERE id > 3000) AS others FROM
  (SELECT id FROM items ORDER BY v <-> '[5,5,5,5]') found;
SELECT count(*), count(DISTINCT id), count(DISTINCT id) FILTER (WHERE id > 3000) AS others FROM
  (SELECT id FROM items ORDER BY v <-> '[60,60,60,60]') found;
RESET vseg.iterative_scan;
SELECT count(*), count(DISTINCT id) FROM
  (SELECT id FROM items ORDER BY v <-> '[5,5,5,5]' LIMIT 3000) found WHERE id <= 3000;
DROP INDEX items_v;
SET vseg.iterative_scan = relaxed_order;
SET max_parallel_maintenance_workers = 0;
CREATE INDEX items_v ON items USING vseg (v vector_ip_ops);
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <#> '[5,5,5,5]') found;
DROP INDEX items_v;
CREATE INDEX items_v ON items USING vseg (v vector_cosine_ops);
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <=> '[5,5,5,5]') found;
DROP INDEX items_v;
CREATE INDEX items_v ON items USING vseg (v vector_l1_ops);
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <+> '[5,5,5,5]') found;
DROP TABLE items;

-- A few distinct vectors, each many times.
CREATE TABLE items (id int, v vector(2));
INSERT INTO items SELECT i, ARRAY[i % 5, 0]::vector FROM generate_series(1, 1000) i;
CREATE INDEX items_v ON items USING vseg (v);
SELECT v, count(*), count(DISTINCT id) FROM (SELECT id, v FROM items ORDER BY v <-> '[0,0]') found
GROUP BY v ORDER BY v;
DROP TABLE items;
