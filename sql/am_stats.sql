-- vseg_stats: what has been done to an index, by cause, for those who may know.
\getenv srcdir PG_ABS_SRCDIR
\set error_of :srcdir '/sql/include/error_of.psql'
\i :error_of
-- Background workers would seal and merge what is looked at.
LOAD 'vseg';
SET vseg.tail_seal_rows = 0;

-- Counts that are exact, and whether those that are not are there at all.
CREATE FUNCTION pg_temp.counts(index regclass)
RETURNS TABLE (cause text, runs int8, failures int8, rows int8, distances boolean, page_bytes boolean,
               wal_bytes boolean, total_time boolean, row_amplification numeric)
LANGUAGE sql AS $$
  SELECT cause, runs, failures, rows, distances > 0, page_bytes > 0, wal_bytes > 0, total_time > 0,
         row_amplification::numeric
  FROM vseg_stats(index)
$$;

CREATE TABLE items (id int PRIMARY KEY, v vector(3)) WITH (autovacuum_enabled = off);
CREATE INDEX items_v ON items USING vseg (v);
SELECT * FROM pg_temp.counts('items_v');

-- A flush for each statement that commits; rows that are rolled back are not written.
INSERT INTO items SELECT i, array_fill(i, ARRAY[3])::vector FROM generate_series(1, 60) i;
INSERT INTO items VALUES (61, '[61,61,61]');
BEGIN;
INSERT INTO items VALUES (62, '[0,0,0]');
ROLLBACK;
-- A scan has its transaction's rows written before.
BEGIN;
SET LOCAL enable_seqscan = off;
INSERT INTO items SELECT i, array_fill(i, ARRAY[3])::vector FROM generate_series(63, 70) i;
SELECT id FROM items ORDER BY v <-> '[66,66,66]' LIMIT 1;
COMMIT;
SELECT * FROM pg_temp.counts('items_v');

-- Appended rows are sealed, whether they are alive or not, but only live ones.
DELETE FROM items WHERE id <= 10;
VACUUM items;
CALL vseg_compact('items_v');
SELECT * FROM pg_temp.counts('items_v');

-- Segments are merged, with appended rows or not.
INSERT INTO items SELECT i, array_fill(i, ARRAY[3])::vector FROM generate_series(71, 90) i;
CALL vseg_compact('items_v');
SELECT * FROM pg_temp.counts('items_v');
DELETE FROM items WHERE id > 80;
VACUUM items;
CALL vseg_compact('items_v');
SELECT * FROM pg_temp.counts('items_v');
SELECT round(sum(rows) FILTER (WHERE cause IN ('build', 'seal', 'merge'))
             / sum(rows) FILTER (WHERE cause IN ('build', 'flush')), 2) =
       round(sum(row_amplification::numeric) FILTER (WHERE cause IN ('build', 'seal', 'merge')), 2) AS sums_up
FROM vseg_stats('items_v');
-- There is nothing to do, and nothing is counted.
CALL vseg_compact('items_v');
SELECT cause, runs FROM vseg_stats('items_v');
-- Bytes: at least those of the vectors, and all in whole pages.
SELECT cause, page_bytes >= rows * 12 AND page_bytes % 8192 = 0 AS pages_fit,
       wal_bytes >= rows * 12 AS wal_fits,
       byte_amplification = round((page_bytes + wal_bytes) / (89.0 * 12), 3)::float8 AS amplification_fits,
       since BETWEEN now() - interval '1 hour' AND clock_timestamp() AS since_fits
FROM vseg_stats('items_v') WHERE rows > 0;
SELECT DISTINCT last_failure, last_failed FROM vseg_stats('items_v');

-- Rebuilding starts anew, also a rebuild by another command.
REINDEX INDEX items_v;
SELECT * FROM pg_temp.counts('items_v');
TRUNCATE items;
SELECT * FROM pg_temp.counts('items_v') WHERE rows > 0;
SELECT count(*) FROM vseg_stats(NULL);

-- Temporary and unlogged indexes count as well; only WAL there is none.
CREATE TEMP TABLE passing (v vector(3));
CREATE INDEX passing_v ON passing USING vseg (v);
INSERT INTO passing SELECT array_fill(i, ARRAY[3])::vector FROM generate_series(1, 20) i;
CALL vseg_compact('passing_v');
SELECT * FROM pg_temp.counts('passing_v');
CREATE UNLOGGED TABLE unlogged (v vector(3));
CREATE INDEX unlogged_v ON unlogged USING vseg (v);
INSERT INTO unlogged SELECT array_fill(i, ARRAY[3])::vector FROM generate_series(1, 20) i;
SELECT * FROM pg_temp.counts('unlogged_v');
DROP TABLE unlogged;

-- Anything but a vseg index is refused.
SELECT name, pg_temp.error_of(format('SELECT * FROM vseg_stats(%L)', name))
FROM unnest(ARRAY['items', 'items_pkey', 'nowhere']) name ORDER BY name;

-- The owner and members of pg_monitor may look; others may not.
CREATE ROLE regress_vseg_owner;
CREATE ROLE regress_vseg_monitor IN ROLE pg_monitor;
CREATE ROLE regress_vseg_other;
ALTER TABLE items OWNER TO regress_vseg_owner;
GRANT SELECT ON items TO regress_vseg_other;
SET ROLE regress_vseg_owner;
SELECT count(*) FROM vseg_stats('items_v');
SET ROLE regress_vseg_monitor;
SELECT count(*) FROM vseg_stats('items_v');
SET ROLE regress_vseg_other;
SELECT pg_temp.error_of($$SELECT * FROM vseg_stats('items_v')$$);
RESET ROLE;

DROP TABLE items;
DROP ROLE regress_vseg_owner, regress_vseg_monitor, regress_vseg_other;
