-- Casts between vectors and arrays.
\getenv srcdir PG_ABS_SRCDIR
\set error_of :srcdir '/sql/include/error_of.psql'
\i :error_of

SELECT ARRAY[1,2,3]::vector;
SELECT ARRAY[1,2.5,-3]::vector;
SELECT ARRAY[1,2.5,-3]::real[]::vector(3);
SELECT ARRAY[1,2.5,-3]::double precision[]::vector(3);
SELECT ARRAY[1,2.5,-3]::numeric[]::vector(3);
SELECT '[5:6]={1,2}'::int[]::vector;
SELECT '{2147483647,-2147483648}'::int[]::vector;
SELECT '{1e-46,-1e-46,3.4028235e38}'::double precision[]::vector;
SELECT '[1,2.5]'::vector::real[], '[1,2.5]'::vector::real[]::double precision[];
SELECT '[1,2]'::vector::vector(2);
-- The largest.
SELECT vector_dims(array_fill(1, ARRAY[16000])::vector);

SELECT source, pg_temp.error_of(format('SELECT %s', source)) AS error FROM unnest(ARRAY[
  '''{}''::int[]::vector', '''{}''::real[]::vector(3)',
  '''{{1},{2}}''::int[]::vector', '''{1,NULL}''::int[]::vector', '''{1,NULL}''::numeric[]::vector',
  '''{1,2}''::int[]::vector(3)', '''{1,2}''::double precision[]::vector(1)',
  '''{NaN}''::real[]::vector', '''{Infinity}''::real[]::vector', '''{-Infinity}''::double precision[]::vector',
  '''{4e38}''::double precision[]::vector', '''{-4e38}''::double precision[]::vector',
  '''{NaN}''::numeric[]::vector', '''{Infinity}''::numeric[]::vector', '''{4e38}''::numeric[]::vector',
  'array_fill(0, ARRAY[16001])::vector', '''{a}''::text[]::vector', '''[1,2]''::vector::vector(3)'
]) WITH ORDINALITY AS sources (source, place) ORDER BY place;

-- Into a vector by assignment only, out of it implicitly.
CREATE TABLE cast_vectors (v vector(2));
INSERT INTO cast_vectors VALUES (ARRAY[1,2]), (ARRAY[3,4]::real[]), (ARRAY[5,6]::float8[]), (ARRAY[7.5,8]);
INSERT INTO cast_vectors VALUES (ARRAY[1,2,3]);
SELECT * FROM cast_vectors ORDER BY v;
CREATE FUNCTION pg_temp.length_of(real[]) RETURNS int LANGUAGE sql AS 'SELECT array_length($1, 1)';
SELECT pg_temp.length_of('[1,2]'::vector);
SELECT vector_norm(ARRAY[3,4]);
DROP TABLE cast_vectors;

SELECT castsource::regtype AS source, casttarget::regtype AS target,
       CASE castcontext WHEN 'i' THEN 'implicit' WHEN 'a' THEN 'assignment' ELSE 'explicit' END AS context
FROM pg_cast WHERE 'vector'::regtype IN (castsource, casttarget)
ORDER BY castsource::regtype::text COLLATE "C", casttarget::regtype::text COLLATE "C";
