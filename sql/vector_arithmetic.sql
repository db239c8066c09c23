-- Arithmetic on vectors, and functions of one vector.
\getenv srcdir PG_ABS_SRCDIR
\set error_of :srcdir '/sql/include/error_of.psql'
\i :error_of

SELECT '[1,2,3]'::vector + '[4,5,6]' AS sum, '[1,2,3]'::vector - '[4,5,7]' AS difference,
       '[1,2,3]'::vector * '[4,5,6]' AS product, '[1,2]'::vector || '[3]' AS concatenation;
SELECT '[0,1e-45]'::vector * '[1e-45,0]' AS products_with_zero;
SELECT vector_dims(array_fill(0, ARRAY[15999])::vector || '[1]');
SELECT statement, pg_temp.error_of('SELECT ' || statement) AS error FROM unnest(ARRAY[
  '''[1,2]''::vector + ''[3]''', '''[1,2]''::vector - ''[3]''', '''[1,2]''::vector * ''[3]''',
  '''[3e38]''::vector + ''[3e38]''', '''[-3e38]''::vector - ''[3e38]''', '''[1e37]''::vector * ''[1e37]''',
  '''[1e-37]''::vector * ''[1e-37]''', 'array_fill(0, ARRAY[16000])::vector || ''[1]'''
]) WITH ORDINALITY AS statements (statement, place) ORDER BY place;

SELECT vector_dims('[1,2,3]'), vector_norm('[3,4]'), vector_norm('[0,0]'), vector_norm('[3e37,4e37]');
SELECT l2_normalize('[3,4]'), l2_normalize('[0,0]'), l2_normalize('[3e38]'), l2_normalize('[-1e-45]');
SELECT binary_quantize('[1,0,-1]'), binary_quantize('[0,0.1,-0.2,-0.3,0.4,0.5,0.6,-0.7,0.8,-0.9,1]');
SELECT start, count, subvector('[1,2,3,4,5]'::vector, start, count)
FROM (VALUES (1, 3), (3, 2), (3, 9), (5, 1), (-1, 3), (-2147483644, 2147483647), (3, 2147483647)) AS parts (start, count);
SELECT start, count, pg_temp.error_of(format('SELECT subvector(''[1,2,3,4,5]''::vector, %s, %s)', start, count)) AS error
FROM (VALUES (1, 0), (3, -1), (6, 1), (-1, 2), (2147483647, 10), (2147483647, 2147483647),
             (-2147483648, -2147483648), (5, -2147483648)) AS parts (start, count);

-- NULL in, NULL out.
SELECT NULL::vector + '[1]' IS NULL AND '[1]' || NULL::vector IS NULL AND vector_dims(NULL::vector) IS NULL
   AND subvector('[1]'::vector, NULL, 1) IS NULL AS strict;
