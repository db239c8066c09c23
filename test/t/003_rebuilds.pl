# An index rebuilt or dropped by the transaction that has rows for it in memory.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

my $node = start_cluster('primary');

my @changes = (
	'TRUNCATE items',
	'DELETE FROM items; TRUNCATE items',
	'REINDEX INDEX items_idx',
	'REINDEX TABLE items',
	'ALTER TABLE items ALTER COLUMN id TYPE bigint',
	'CLUSTER items USING items_id',
	'DROP INDEX items_idx',
	'ALTER INDEX items_idx SET (m = 8); REINDEX INDEX items_idx',
	'REINDEX INDEX items_idx; INSERT INTO items VALUES (9001, vector_of(9001)); '
	  . 'REINDEX INDEX items_idx',
	'TRUNCATE items; INSERT INTO items VALUES (9001, vector_of(9001)); TRUNCATE items',
);
my %endings = (
	'kept' => '',
	'released' => 'RELEASE a',
	'rolled back' => 'ROLLBACK TO a',
	'released, then rolled back' => 'RELEASE a; ROLLBACK TO outermost',
);

foreach my $change (@changes)
{
	foreach my $ending (sort keys %endings)
	{
		create_items($node, 'items', rows => 20);
		$node->safe_psql('postgres', <<"SQL");
CREATE INDEX items_id ON items (id);
BEGIN;
INSERT INTO items SELECT i, vector_of(i) FROM generate_series(101, 110) i;
SAVEPOINT outermost;
INSERT INTO items SELECT i, vector_of(i) FROM generate_series(201, 210) i;
SAVEPOINT a;
INSERT INTO items SELECT i, vector_of(i) FROM generate_series(301, 310) i;
$change;
INSERT INTO items SELECT i, vector_of(i) FROM generate_series(401, 410) i;
$endings{$ending};
INSERT INTO items SELECT i, vector_of(i) FROM generate_series(501, 510) i;
COMMIT;
SQL
		# The index may be gone for good: then a new one must find what the table has.
		$node->safe_psql('postgres',
			'CREATE INDEX IF NOT EXISTS items_idx ON items USING vseg (embedding)');
		index_agrees($node, 'items', "$change, $ending: nothing lost, nothing doubled");
		$node->safe_psql('postgres', 'DROP TABLE items');
	}
}

# A change that is rolled back after its rows were written (the search flushes).
foreach my $change ('TRUNCATE items', 'REINDEX INDEX items_idx')
{
	create_items($node, 'items', rows => 20);
	$node->safe_psql('postgres', <<"SQL");
BEGIN;
INSERT INTO items SELECT i, vector_of(i) FROM generate_series(101, 110) i;
SAVEPOINT a;
$change;
INSERT INTO items SELECT i, vector_of(i) FROM generate_series(201, 210) i;
SELECT disagreements('items');
INSERT INTO items SELECT i, vector_of(i) FROM generate_series(301, 310) i;
ROLLBACK TO a;
COMMIT;
SQL
	index_agrees($node, 'items', "$change, searched, rolled back: nothing lost, nothing doubled");
	$node->safe_psql('postgres', 'DROP TABLE items');
}

# Temporary tables that are emptied at COMMIT, after the flush.
my $session = $node->background_psql('postgres');
$session->query_safe('CREATE TEMP TABLE items (id int, embedding vector(8)) ON COMMIT DELETE ROWS');
$session->query_safe('CREATE INDEX items_idx ON items USING vseg (embedding)');
foreach my $round (1 .. 3)
{
	$session->query_safe('BEGIN');
	$session->query_safe("INSERT INTO items SELECT i, vector_of(i) FROM generate_series(1, 50) i");
	index_agrees($session, 'items', "ON COMMIT DELETE ROWS, round $round: rows are found before COMMIT");
	$session->query_safe('COMMIT');
	index_agrees($session, 'items', "ON COMMIT DELETE ROWS, round $round: none is found after COMMIT");
}
$session->quit;

# A column type that loses its number of dimensions leaves the index as it is.
create_items($node, 'items', rows => 20);
$node->safe_psql('postgres', 'ALTER TABLE items ALTER COLUMN embedding TYPE vector');
$node->safe_psql('postgres', 'INSERT INTO items VALUES (101, vector_of(101))');
is($node->safe_psql('postgres', 'SET enable_seqscan = off; '
	  . 'SELECT id FROM items ORDER BY embedding <-> vector_of(101) LIMIT 1'),
	101, 'a column without dimensions: the index takes rows and finds them');
like(sql_error($node, 'INSERT INTO items VALUES (102, vector_of(102, 3))'),
	qr/ERROR:  22000: expected 8 dimensions, not 3/,
	'a column without dimensions: the index insists on its own');

$node->stop;
done_testing();
