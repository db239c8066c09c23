# Rows wait in memory: what reaches the index's pages and the WAL, and when.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

my $node = start_cluster('primary');
$node->safe_psql('postgres', 'CREATE EXTENSION pg_walinspect; CREATE EXTENSION pg_buffercache');
create_items($node, 'items');
insert_items($node, 'items', 1, 10);    # so that the table and its index have their first pages

my $dirty_pages = q{SELECT count(*) FROM pg_buffercache
  WHERE relfilenode = pg_relation_filenode('items_idx') AND isdirty};
my $session = $node->background_psql('postgres');

sub insert_one_by_one
{
	my ($first, $last) = @_;
	$session->query_safe("INSERT INTO items VALUES ($_, vector_of($_))") foreach ($first .. $last);
	return;
}

# A transaction of 1,000 statements.
my $size = $node->safe_psql('postgres', q{CHECKPOINT; SELECT pg_relation_size('items_idx')});
my $start = wal_position($node);
$session->query_safe('BEGIN');
insert_one_by_one(1001, 2000);
is(index_wal_records($node, 'items_idx', $start), 0, 'no WAL of the index before COMMIT');
is($node->safe_psql('postgres', q{SELECT pg_relation_size('items_idx')}),
	$size, 'the index has not grown before COMMIT');
is($node->safe_psql('postgres', $dirty_pages), 0, 'no page of the index changed before COMMIT');
cmp_ok(index_wal_records($node, 'items', $start), '>=', 1000, 'rows of the table are logged at once');

my $before_commit = wal_position($node);
$session->query_safe('COMMIT');
my $records = index_wal_records($node, 'items_idx', $before_commit);
cmp_ok($records, '>', 0, 'COMMIT writes the rows');
cmp_ok($records, '<=', 100, "COMMIT writes many rows in a record ($records records)");
index_agrees($node, 'items', 'rows of the transaction are found after COMMIT');

# A transaction that rolls back.
$start = wal_position($node);
$session->query_safe('BEGIN');
insert_one_by_one(3001, 3100);
$session->query_safe('ROLLBACK');
is(index_wal_records($node, 'items_idx', $start), 0, 'ROLLBACK writes nothing to the index');
index_agrees($node, 'items', 'rows of a rolled-back transaction are not found');

# More rows than the memtable may hold.
$start = wal_position($node);
$session->query_safe(q{BEGIN; SET LOCAL vseg.memtable_size = '64kB'});
$session->query_safe('INSERT INTO items SELECT i, vector_of(i) FROM generate_series(4001, 9000) i');
cmp_ok(index_wal_records($node, 'items_idx', $start),
	'>', 0, 'rows beyond vseg.memtable_size are written before COMMIT');
cmp_ok(rows_in_tail($node, 'items_idx'), '<', 6010, 'the last rows still wait');
$session->query_safe('COMMIT');
is(rows_in_tail($node, 'items_idx'), 6010, 'each row is written once');
index_agrees($node, 'items', 'rows on both sides of the limit are found');

$session->quit;
$node->stop;
done_testing();
