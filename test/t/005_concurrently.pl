# Rows that must not wait in memory: speculative ones and those of CREATE INDEX CONCURRENTLY.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

my $node = start_cluster('primary');
$node->safe_psql('postgres', 'CREATE EXTENSION pg_walinspect');

# INSERT ... ON CONFLICT.
create_items($node, 'items', rows => 100);
$node->safe_psql('postgres', 'CREATE UNIQUE INDEX items_id ON items (id)');
my $session = $node->background_psql('postgres');
my $start = wal_position($node);
$session->query_safe('BEGIN');
$session->query_safe("INSERT INTO items VALUES ($_, vector_of($_)) ON CONFLICT (id) DO NOTHING")
  foreach (91 .. 110);
is(rows_in_tail($node, 'items_idx'), 10, 'speculative rows are in the index before COMMIT');
cmp_ok(index_wal_records($node, 'items_idx', $start),
	'>=', 10, 'speculative rows are logged before COMMIT');
$session->query_safe('COMMIT');
is(rows_in_tail($node, 'items_idx'), 10, 'speculative rows are not written again by COMMIT');
$node->safe_psql('postgres', <<'SQL');
INSERT INTO items SELECT i, vector_of(i) FROM generate_series(101, 150) i
ON CONFLICT (id) DO UPDATE SET embedding = vector_of(items.id + 1000)
SQL
index_agrees($node, 'items', 'rows inserted or updated by ON CONFLICT are found');

# CREATE INDEX CONCURRENTLY: rows that others commit while the graph is built reach the index in its
# last phase. A predicate that waits for an advisory lock stops the build at row 1 and the last
# phase at row 2002.
create_items($node, 'items2', rows => 1, index => 0);
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION after_lock(id int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF id IN (1, 2002) THEN
    PERFORM pg_advisory_lock_shared(id);
    PERFORM pg_advisory_unlock_shared(id);
  END IF;
  RETURN true;
END
$$
SQL
my $waits = q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
  AND objid = %d};
$session->query_safe('SELECT pg_advisory_lock(1), pg_advisory_lock(2002)');
my $build = $node->background_psql('postgres');
$build->query_until(qr/started/, <<'SQL');
\echo started
CREATE INDEX CONCURRENTLY items2_idx ON items2 USING vseg (embedding) WHERE after_lock(id);
\echo finished
SQL
wait_until($node, sprintf($waits, 1), 'the build waits at row 1');
insert_items($node, 'items2', 2001, 2002);
$session->query_safe('SELECT pg_advisory_unlock(1)');
wait_until($node, sprintf($waits, 2002), 'the last phase waits at row 2002');
is(rows_in_tail($node, 'items2_idx'), 1, 'the last phase writes the row it has passed at once');

# Meanwhile the index takes others' rows, but searches must not use it yet.
insert_items($node, 'items2', 3001, 3010);
$session->query_safe('SELECT pg_advisory_unlock(2002)');
$build->query_until(qr/finished/, '');
$build->quit;
is($node->safe_psql('postgres', q{SELECT indisvalid FROM pg_index WHERE indexrelid =
  'items2_idx'::regclass}), 't', 'the index is valid in the end');
is(rows_in_tail($node, 'items2_idx'), 12, 'rows of before, during and after the last phase are there');
my $ids = $node->safe_psql('postgres', <<'SQL');
SET enable_seqscan = off;
SET vseg.ef_search = 10000;
SELECT array(SELECT id FROM (SELECT id FROM items2 WHERE after_lock(id)
                             ORDER BY embedding <-> vector_of(7)) s ORDER BY id)
SQL
is($ids, '{' . join(',', 1, 2001, 2002, 3001 .. 3010) . '}', 'the index returns each row once');

# Both kinds of concurrent build under writers.
create_items($node, 'items3', rows => 2000, index => 0);
$node->safe_psql('postgres', 'CREATE INDEX items3_id ON items3 (id)');
my $scripts = PostgreSQL::Test::Utils::tempdir;
append_to_file("$scripts/write.sql", <<'SQL');
\set old random(1, 2000)
\set new random(10000, 10000000)
BEGIN;
INSERT INTO items3 VALUES (:new, vector_of(:new)), (:new + 1, vector_of(:new + 1));
DELETE FROM items3 WHERE id = :old;
UPDATE items3 SET embedding = vector_of(:new) WHERE id = :old + 1;
END;
SQL
my ($output, $errors) = ('', '');
my $writers = IPC::Run::start(
	[
		'pgbench', '-n', '-c', '3', '-T', '8', '-f', "$scripts/write.sql", '-h', $node->host, '-p',
		$node->port, 'postgres'
	],
	'>', \$output, '2>', \$errors);
wait_until($node, 'SELECT count(*) > 2000 FROM items3', 'writers write');
$node->safe_psql('postgres',
	'CREATE INDEX CONCURRENTLY items3_idx ON items3 USING vseg (embedding)');
foreach my $round (1 .. 3)
{
	index_agrees($node, 'items3', "round $round: the index agrees while others write");
	$node->safe_psql('postgres', 'REINDEX INDEX CONCURRENTLY items3_idx');
	$node->safe_psql('postgres', 'VACUUM items3');
}
$writers->finish;
is($errors, '', 'no writer met an error');
index_agrees($node, 'items3', 'the index agrees after concurrent builds under writers');

$session->quit;
$node->stop;
done_testing();
