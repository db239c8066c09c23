-- Text input and output, and type modifiers, of the type vector.
\getenv srcdir PG_ABS_SRCDIR
\set error_of :srcdir '/sql/include/error_of.psql'
\i :error_of

-- Accepted: white space between tokens, and every form of a number that strtof knows.
SELECT '[1,2,3]'::vector;
SELECT '[-1,+2.5,3.,.5]'::vector;
SELECT E' [ 1 ,\t2\n,\r\x0b3\f] '::vector;
SELECT '[1e3,1E-3,0x1p3]'::vector;
SELECT '[-0]'::vector;
-- Digits: as few as read back the same.
SELECT '[1.23456789,0.1,123456789,1e20,1e-45]'::vector;
SELECT '[3.4028235e38,-3.4028235e38]'::vector;
-- Too small for a float: zero.
SELECT '[1e-46,-1e-46]'::vector;
-- The largest vector.
SELECT vector_dims(('[' || repeat('0.5,', 15999) || '-0.25]')::vector),
       length(('[' || repeat('0.5,', 15999) || '-0.25]')::vector::text);

-- Refused.
SELECT literal, pg_temp.error_of(format('SELECT %L::vector', literal)) AS error
FROM unnest(ARRAY[
  '', '1,2', '{1,2}', '(1)', '[', '[1', '[1,', '[1,2,3', '[,]', '[1,]', '[,1]', '[1,,3]', '[1 2]', '[1;2]',
  '[1a]', '[hello,1]', '[1e]', '[[1]]', '[]', '[ ]', '[1,2,3]9', '[1,2,3]]', '[1] x',
  '[NaN]', '[1,nan]', '[Infinity]', '[-inf]', '[4e38]', '[1,-4e38]', '[1e400]'
]) WITH ORDINALITY AS literals (literal, place) ORDER BY place;
SELECT pg_temp.error_of(format('SELECT %L::vector', '[' || repeat('1,', 16000) || '1]'));

-- Type modifiers.
SELECT '[1,2,3]'::vector(3);
SELECT format_type('vector'::regtype, 3), format_type('vector'::regtype, -1);
SELECT modifier, pg_temp.error_of(format('SELECT %L::vector(%s)', '[1,2,3]', modifier)) AS error
FROM unnest(ARRAY['2', '4', '16000', '0', '-1', '16001', '3,2', '''three''']) WITH ORDINALITY
  AS modifiers (modifier, place) ORDER BY place;
CREATE TABLE vector_columns (id int, any_length vector, three vector(3));
INSERT INTO vector_columns VALUES (1, '[1]', '[1,2,3]'), (2, '[1,2]', NULL);
INSERT INTO vector_columns (three) VALUES ('[1,2]');
UPDATE vector_columns SET three = any_length WHERE id = 2;
SELECT * FROM vector_columns ORDER BY id;
\d vector_columns

-- Storage: 4 bytes an element and 8 more; out of line without compression when large.
SELECT pg_column_size('[1,2,3]'::vector), pg_column_size(('[' || repeat('0,', 999) || '0]')::vector);
CREATE TABLE wide_vectors AS
  SELECT i, array_fill(i, ARRAY[16000])::vector AS v FROM generate_series(1, 3) i;
SELECT i, pg_column_size(v), vector_dims(v), vector_norm(v) = i * sqrt(16000) AS norm_is_right
FROM wide_vectors ORDER BY i;

DROP TABLE vector_columns, wide_vectors;

-- Every object of the extension has a comment.
SELECT pg_describe_object(classid, objid, 0) AS object_without_comment
FROM pg_depend
WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass
  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vseg')
  AND obj_description(objid, classid::regclass::name) IS NULL
  AND NOT (classid = 'pg_type'::regclass AND objid = 'vector[]'::regtype);
