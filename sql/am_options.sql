-- Storage parameters of an index and parameters of a session: ranges, defaults, changes.
\getenv srcdir PG_ABS_SRCDIR
\set error_of :srcdir '/sql/include/error_of.psql'
\i :error_of

CREATE TABLE items (id int, v vector(3));
INSERT INTO items SELECT i, ARRAY[i % 7, i % 11, i % 13]::vector FROM generate_series(1, 500) i;

-- m and ef_construction: the ends of their ranges are taken...
SELECT options, pg_temp.error_of(format('CREATE INDEX ON items USING vseg (v) WITH (%s)', options))
FROM unnest(ARRAY[
  'm = 2', 'm = 100, ef_construction = 200', 'm = 2, ef_construction = 4', 'ef_construction = 1000',
  'm = 50', 'M = 8'
]) WITH ORDINALITY AS tried (options, place) ORDER BY place;
SELECT reloptions FROM pg_class WHERE oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = 'items'::regclass)
ORDER BY oid;
-- ... and what is beyond is refused, also where both are in range and do not go together.
SELECT options, pg_temp.error_of(format('CREATE INDEX ON items USING vseg (v) WITH (%s)', options))
FROM unnest(ARRAY[
  'm = 1', 'm = 101', 'm = -1', 'm = ''many''', 'ef_construction = 3',
  'ef_construction = 1001', 'm = 51', 'm = 16, ef_construction = 31', 'lists = 100', 'fillfactor = 70'
]) WITH ORDINALITY AS tried (options, place) ORDER BY place;
SELECT count(*) FROM pg_index WHERE indrelid = 'items'::regclass;
DROP TABLE items;

-- A small m and a small ef_construction still make an index that finds every row.
CREATE TABLE items (id int, v vector(3));
INSERT INTO items SELECT i, ARRAY[i % 7, i % 11, i % 13]::vector FROM generate_series(1, 500) i;
CREATE INDEX items_v ON items USING vseg (v) WITH (m = 2, ef_construction = 4);
SET enable_seqscan = off;
SET vseg.iterative_scan = relaxed_order;
SELECT count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <-> '[1,2,3]') found;

-- A changed option is refused like a first one, and counts when the index is built again. m decides
-- how many neighbours a row has, and so the index's size.
SELECT pages AS pages_before FROM vseg_segments('items_v') WHERE kind = 'graph segment' \gset
SELECT change, pg_temp.error_of(format('ALTER INDEX items_v SET (%s)', change))
FROM unnest(ARRAY['m = 1', 'ef_construction = 2000', 'merging = 1', 'm = 100, ef_construction = 400'])
     WITH ORDINALITY AS tried (change, place) ORDER BY place;
SELECT reloptions FROM pg_class WHERE oid = 'items_v'::regclass;
SELECT pages = :pages_before AS unchanged FROM vseg_segments('items_v') WHERE kind = 'graph segment';
SELECT count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <-> '[1,2,3]') found;
REINDEX INDEX items_v;
SELECT pages > 2 * :pages_before AS larger FROM vseg_segments('items_v') WHERE kind = 'graph segment';
SELECT count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <-> '[1,2,3]') found;
ALTER INDEX items_v RESET (m, ef_construction);
REINDEX INDEX items_v;
SELECT count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <-> '[1,2,3]') found;
SELECT reloptions FROM pg_class WHERE oid = 'items_v'::regclass;
-- Options that do not go together are found out by the build, and leave the index as it was.
ALTER INDEX items_v SET (m = 60);
SELECT pg_temp.error_of('REINDEX INDEX items_v');
SELECT count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <-> '[1,2,3]') found;
DROP TABLE items;
RESET vseg.iterative_scan;

-- Parameters: what they are without being set, and their ranges.
SELECT name, boot_val, unit, context, vartype, min_val, max_val, enumvals
FROM pg_settings WHERE name LIKE 'vseg.%' ORDER BY name;
SELECT parameter, value, pg_temp.error_of(format('SET %s = %L', parameter, value))
FROM (VALUES
  (1, 'vseg.ef_search', '1'), (2, 'vseg.ef_search', '10000'), (3, 'vseg.ef_search', '0'),
  (4, 'vseg.ef_search', '10001'), (5, 'vseg.ef_search', 'all'),
  (6, 'vseg.memtable_size', '64kB'), (7, 'vseg.memtable_size', '63kB'),
  (8, 'vseg.memtable_size', '1GB'), (9, 'vseg.memtable_size', '-1'),
  (10, 'vseg.iterative_scan', 'off'), (11, 'vseg.iterative_scan', 'relaxed_order'),
  (12, 'vseg.iterative_scan', 'strict_order'), (13, 'vseg.iterative_scan', 'on'),
  (14, 'vseg.iterative_scan', 'sometimes')
) AS tried (place, parameter, value) ORDER BY place;
RESET vseg.ef_search;
RESET vseg.memtable_size;
-- A misspelt parameter is an error, not a new parameter.
SELECT pg_temp.error_of('SET vseg.nonsense = 1');
SELECT pg_temp.error_of('SET vseg.efsearch = 100');
-- A function or a role may carry a setting.
CREATE FUNCTION pg_temp.setting() RETURNS text LANGUAGE sql SET vseg.ef_search = 77
AS $$ SELECT current_setting('vseg.ef_search') $$;
SELECT pg_temp.setting(), current_setting('vseg.ef_search');
-- EXPLAIN names what is not as usual.
SET vseg.ef_search = 99;
SET vseg.iterative_scan = relaxed_order;
EXPLAIN (COSTS OFF, SETTINGS) SELECT 1;
