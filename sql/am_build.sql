-- Rows that do not fit into maintenance_work_mem: further segments, as many as an index may have
-- after a build, and beyond them rows that are searched one by one, with a warning. Never a failure.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/am_helpers.psql'
\i :helpers
CREATE TABLE items (id int, v vector(16000)) WITH (autovacuum_enabled = off);
INSERT INTO items SELECT i, array_fill(i % 1000, ARRAY[16000])::vector FROM generate_series(1, 600) i;
SET maintenance_work_mem = '1MB';
SET client_min_messages = warning;
CREATE INDEX items_v ON items USING vseg (v) WITH (m = 2, ef_construction = 4);
SELECT count(*) FILTER (WHERE kind = 'graph segment') BETWEEN 2 AND 31 AS several,
       sum(rows) FILTER (WHERE kind = 'graph segment') AS rows_with_a_graph
FROM vseg_segments('items_v');
DROP INDEX items_v;
-- Also where many neighbours leave little of that memory to the rows.
CREATE TABLE narrow (id int, v vector(8));
INSERT INTO narrow SELECT i, pg_temp.made(i, 8) FROM generate_series(1, 1200) i;
CREATE INDEX narrow_v ON narrow USING vseg (v) WITH (m = 100, ef_construction = 200);
SELECT count(*) FILTER (WHERE kind = 'graph segment') BETWEEN 2 AND 31 AS several,
       sum(rows) FILTER (WHERE kind = 'graph segment') AS rows_with_a_graph
FROM vseg_segments('narrow_v');
DROP TABLE narrow;

INSERT INTO items SELECT i, array_fill(i % 1000, ARRAY[16000])::vector FROM generate_series(601, 2000) i;
\set VERBOSITY terse
CREATE INDEX items_v ON items USING vseg (v) WITH (m = 2, ef_construction = 4);
\set VERBOSITY default
RESET maintenance_work_mem;
RESET client_min_messages;
SELECT count(*) FILTER (WHERE kind = 'graph segment') AS segments,
       sum(rows) FILTER (WHERE kind = 'append chain') > 0 AS tail, sum(rows)
FROM vseg_segments('items_v');
SET enable_seqscan = off;
SET enable_sort = off;
SET vseg.iterative_scan = relaxed_order;
CREATE FUNCTION pg_temp.found() RETURNS TABLE (rows bigint, ids bigint) LANGUAGE sql AS $$
  SELECT count(*), count(DISTINCT id) FROM
    (SELECT id FROM items ORDER BY v <-> array_fill(500, ARRAY[16000])::vector) found
$$;
SELECT * FROM pg_temp.found();
SELECT id FROM (SELECT id FROM items ORDER BY v <-> array_fill(700, ARRAY[16000])::vector LIMIT 2) nearest
ORDER BY id;
INSERT INTO items SELECT i, array_fill(i % 1000, ARRAY[16000])::vector FROM generate_series(2001, 2010) i;
DELETE FROM items WHERE id % 2 = 0;
VACUUM items;
SELECT sum(rows) AS rows, sum(dead_rows) AS dead_rows FROM vseg_segments('items_v');
SELECT * FROM pg_temp.found();
-- With enough memory there is one graph again.
REINDEX INDEX items_v;
SELECT kind, rows FROM vseg_segments('items_v');
SELECT * FROM pg_temp.found();
DROP TABLE items;
