-- COPY of vectors, as text and in binary, and malformed binary input.
CREATE TABLE copied (id int, v vector, v3 vector(3));
INSERT INTO copied VALUES
  (1, '[1,2,3]', '[4,5,6]'), (2, '[0.1]', NULL), (3, NULL, '[-0,1e-45,3.4028235e38]'),
  (4, array_fill(0.3, ARRAY[16000])::vector, '[7,8,9]');

CREATE TABLE copied_back (LIKE copied);
\copy copied TO 'results/vector_copy.txt'
\copy copied_back FROM 'results/vector_copy.txt'
SELECT count(*) FROM copied a JOIN copied_back b USING (id)
WHERE vector_send(a.v) IS NOT DISTINCT FROM vector_send(b.v)
  AND vector_send(a.v3) IS NOT DISTINCT FROM vector_send(b.v3);
TRUNCATE copied_back;
\copy copied TO 'results/vector_copy.bin' (FORMAT binary)
\copy copied_back FROM 'results/vector_copy.bin' (FORMAT binary)
SELECT count(*) FROM copied a JOIN copied_back b USING (id)
WHERE vector_send(a.v) IS NOT DISTINCT FROM vector_send(b.v)
  AND vector_send(a.v3) IS NOT DISTINCT FROM vector_send(b.v3);

-- The format: int16 dimensions, int16 zero, float4 elements, in network byte order.
SELECT vector_send('[1,-2,0.5]');

-- A bytea field is written to a binary file as it is, so any bytes can be given to vector's input.
CREATE TABLE received (v vector);
CREATE TABLE received2 (v vector(2));
\echo two dimensions
\copy (SELECT '\x000200003f80000040000000'::bytea) TO 'results/vector_copy.bin' (FORMAT binary)
\copy received FROM 'results/vector_copy.bin' (FORMAT binary)
\copy received2 FROM 'results/vector_copy.bin' (FORMAT binary)
\set VERBOSITY terse
\echo no dimensions
\copy (SELECT '\x00000000'::bytea) TO 'results/vector_copy.bin' (FORMAT binary)
\copy received FROM 'results/vector_copy.bin' (FORMAT binary)
\echo -1 dimensions
\copy (SELECT '\xffff0000'::bytea) TO 'results/vector_copy.bin' (FORMAT binary)
\copy received FROM 'results/vector_copy.bin' (FORMAT binary)
\echo 16001 dimensions
\copy (SELECT '\x3e810000'::bytea) TO 'results/vector_copy.bin' (FORMAT binary)
\copy received FROM 'results/vector_copy.bin' (FORMAT binary)
\set VERBOSITY sqlstate
\copy received FROM 'results/vector_copy.bin' (FORMAT binary)
\set VERBOSITY terse
\echo a third dimension
\copy (SELECT '\x000300003f8000003f8000003f800000'::bytea) TO 'results/vector_copy.bin' (FORMAT binary)
\copy received2 FROM 'results/vector_copy.bin' (FORMAT binary)
\set VERBOSITY sqlstate
\copy received2 FROM 'results/vector_copy.bin' (FORMAT binary)
\set VERBOSITY terse
\echo the unused field not zero
\copy (SELECT '\x000100013f800000'::bytea) TO 'results/vector_copy.bin' (FORMAT binary)
\copy received FROM 'results/vector_copy.bin' (FORMAT binary)
\set VERBOSITY sqlstate
\copy received FROM 'results/vector_copy.bin' (FORMAT binary)
\set VERBOSITY terse
\echo NaN
\copy (SELECT '\x000100007fc00000'::bytea) TO 'results/vector_copy.bin' (FORMAT binary)
\copy received FROM 'results/vector_copy.bin' (FORMAT binary)
\echo minus infinity
\copy (SELECT '\x00010000ff800000'::bytea) TO 'results/vector_copy.bin' (FORMAT binary)
\copy received FROM 'results/vector_copy.bin' (FORMAT binary)
\echo elements missing
\copy (SELECT '\x000200003f800000'::bytea) TO 'results/vector_copy.bin' (FORMAT binary)
\copy received FROM 'results/vector_copy.bin' (FORMAT binary)
\echo bytes left over
\copy (SELECT '\x000100003f8000003f800000'::bytea) TO 'results/vector_copy.bin' (FORMAT binary)
\copy received FROM 'results/vector_copy.bin' (FORMAT binary)
\echo nothing at all
\copy (SELECT '\x'::bytea) TO 'results/vector_copy.bin' (FORMAT binary)
\copy received FROM 'results/vector_copy.bin' (FORMAT binary)
\set VERBOSITY default
SELECT * FROM received;
SELECT * FROM received2;

-- Text errors name the row.
COPY received2 FROM STDIN;
[1,2]
[1,2,3]
\.
COPY received2 FROM STDIN;
[1,2]
[1,x]
\.
SELECT * FROM received2;

DROP TABLE copied, copied_back, received, received2;
