-- vseg_segments: what an index consists of, for those who may know; and what the statistics count.
\getenv srcdir PG_ABS_SRCDIR
\set error_of :srcdir '/sql/include/error_of.psql'
\i :error_of
-- Background workers would seal and merge what is looked at.
LOAD 'vseg';
SET vseg.tail_seal_rows = 0;

CREATE TABLE items (id int PRIMARY KEY, v vector(100)) WITH (autovacuum_enabled = off);
INSERT INTO items SELECT i, array_fill(i, ARRAY[100])::vector FROM generate_series(1, 500) i;
CREATE INDEX items_v ON items USING vseg (v);
INSERT INTO items SELECT i, array_fill(i, ARRAY[100])::vector FROM generate_series(501, 540) i;
SELECT segment_id, kind, state, tier, rows, dead_rows, bytes = pages * 8192 AS bytes_fit,
       pages BETWEEN 2 AND 120 AS pages_fit
FROM vseg_segments('items_v') ORDER BY segment_id;
-- The index has room for all of it.
SELECT sum(bytes) <= pg_relation_size('items_v') FROM vseg_segments('items_v');
-- The index may be named by its OID; what is null has no answer.
SELECT count(*) FROM vseg_segments('items_v'::regclass::oid);
SELECT count(*) FROM vseg_segments(NULL);

-- Anything but a vseg index is refused.
CREATE VIEW looking AS SELECT 1;
SELECT name, pg_temp.error_of(format('SELECT * FROM vseg_segments(%L)', name))
FROM unnest(ARRAY['items', 'items_pkey', 'looking', 'nowhere']) name ORDER BY name;
DROP VIEW looking;

-- The owner and members of pg_monitor may look; others may not.
CREATE ROLE regress_vseg_owner;
CREATE ROLE regress_vseg_monitor IN ROLE pg_monitor;
CREATE ROLE regress_vseg_other;
ALTER TABLE items OWNER TO regress_vseg_owner;
SET ROLE regress_vseg_owner;
SELECT count(*) FROM vseg_segments('items_v');
SET ROLE regress_vseg_monitor;
SELECT count(*) FROM vseg_segments('items_v');
SET ROLE regress_vseg_other;
SELECT * FROM vseg_segments('items_v');
SELECT pg_temp.error_of($$SELECT * FROM vseg_segments('items_v')$$);
RESET ROLE;
GRANT SELECT ON items TO regress_vseg_other;
SET ROLE regress_vseg_other;
SELECT pg_temp.error_of($$SELECT * FROM vseg_segments('items_v')$$);
-- Who may read the table may search it.
SET enable_seqscan = off;
SELECT id FROM items ORDER BY v <-> array_fill(70, ARRAY[100])::vector LIMIT 1;
RESET enable_seqscan;
RESET ROLE;

-- Each search counts once, a rescan as well, and a plan that is not run not at all.
SET enable_seqscan = off;
SELECT pg_stat_force_next_flush();
SELECT idx_scan AS scans, idx_tup_fetch AS fetched FROM pg_stat_user_indexes WHERE indexrelname = 'items_v' \gset
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> array_fill(9, ARRAY[100])::vector LIMIT 5) f;
SELECT count(*) FROM generate_series(1, 3) i,
  LATERAL (SELECT id FROM items ORDER BY v <-> array_fill(i, ARRAY[100])::vector LIMIT 4) f;
EXPLAIN (COSTS OFF) SELECT id FROM items ORDER BY v <-> (SELECT v FROM items LIMIT 1) LIMIT 5;
SELECT pg_stat_force_next_flush();
SELECT idx_scan - :scans AS scans, idx_tup_fetch - :fetched AS fetched FROM pg_stat_user_indexes
WHERE indexrelname = 'items_v';

DROP TABLE items;
DROP ROLE regress_vseg_owner, regress_vseg_monitor, regress_vseg_other;
