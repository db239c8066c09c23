-- The index finds the true nearest rows.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/am_helpers.psql'
\i :helpers

CREATE TABLE items (id int, v vector(32));
INSERT INTO items SELECT i, pg_temp.clustered(i, 32) FROM generate_series(1, 6000) i;
SELECT array_agg(pg_temp.clustered(i, 32)) AS queries FROM generate_series(10001, 10060) i \gset

-- Built over loaded data, at the default settings.
CREATE INDEX items_l2 ON items USING vseg (v vector_l2_ops);
SELECT pg_temp.recall('items', '<->', :'queries', 10) >= 0.95 AS recall_l2;
DROP INDEX items_l2;
CREATE INDEX items_ip ON items USING vseg (v vector_ip_ops);
SELECT pg_temp.recall('items', '<#>', :'queries', 10) >= 0.95 AS recall_ip;
DROP INDEX items_ip;
CREATE INDEX items_cosine ON items USING vseg (v vector_cosine_ops);
SELECT pg_temp.recall('items', '<=>', :'queries', 10, 1e-6) >= 0.95 AS recall_cosine;
DROP INDEX items_cosine;
CREATE INDEX items_l1 ON items USING vseg (v vector_l1_ops);
SELECT pg_temp.recall('items', '<+>', :'queries', 10) >= 0.95 AS recall_l1;

-- A large vseg.ef_search finds more than a small one, and as large as the table, everything.
BEGIN;
SET LOCAL vseg.ef_search = 1;
SELECT pg_temp.recall('items', '<+>', :'queries', 10) AS few \gset
SET LOCAL vseg.ef_search = 200;
SELECT pg_temp.recall('items', '<+>', :'queries', 10) AS many \gset
SET LOCAL vseg.ef_search = 6000;
SELECT pg_temp.recall('items', '<+>', :'queries', 10) AS every \gset
COMMIT;
SELECT :many > :few AS more, :many > 0.99 AS almost, :every = 1 AS all_found;

-- A vector that is in the table finds itself.
SELECT count(*) FROM items i,
  LATERAL (SELECT id FROM items ORDER BY v <+> i.v LIMIT 1) nearest
WHERE i.id <= 300 AND nearest.id = i.id;
DROP INDEX items_l1;

-- Rows that came into an empty index are compared one by one: nothing is missed.
CREATE TABLE appended (id int, v vector(32));
CREATE INDEX ON appended USING vseg (v);
INSERT INTO appended SELECT * FROM items WHERE id <= 3000;
DO $$
BEGIN
  FOR i IN 3001..3300 LOOP
    INSERT INTO appended SELECT * FROM items WHERE id = i;
  END LOOP;
END
$$;
SELECT pg_temp.recall('appended', '<->', :'queries', 10) AS recall_appended;

-- Too little memory for one graph: several segments, and the same recall.
SET maintenance_work_mem = '1MB';
SET client_min_messages = warning;
CREATE INDEX items_small ON items USING vseg (v);
RESET maintenance_work_mem;
RESET client_min_messages;
SELECT count(*) FILTER (WHERE kind = 'graph segment') BETWEEN 2 AND 12 AS several, sum(rows)
FROM vseg_segments('items_small');
SELECT pg_temp.recall('items', '<->', :'queries', 10) >= 0.95 AS recall_several;
DROP TABLE items, appended;
