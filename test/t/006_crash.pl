# What is committed survives an immediate stop, at whatever moment; what is not does not.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

my $node = start_cluster('primary');

sub crash
{
	my ($victim) = @_;
	$victim->stop('immediate');
	$victim->start;
	return;
}

# Single rows, and rows of open transactions: one with all rows in memory, one that has written
# some of them by searching.
create_items($node, 'items', rows => 100);
insert_items($node, 'items', $_, $_) foreach (101 .. 120);
my $waiting = $node->background_psql('postgres');
$waiting->query_safe('BEGIN; INSERT INTO items VALUES (1001, vector_of(1001))');
my $written = $node->background_psql('postgres');
$written->query_safe('BEGIN; INSERT INTO items VALUES (1002, vector_of(1002))');
$written->query_safe(q{SELECT disagreements('items')});
$node->safe_psql('postgres', <<'SQL');
BEGIN;
INSERT INTO items VALUES (1003, vector_of(1003));
PREPARE TRANSACTION 'survivor';
SQL
insert_items($node, 'items', 121, 121);    # flushes the WAL
$node->stop('immediate');
$_->{run}->finish foreach ($waiting, $written);
$node->start;
is($node->safe_psql('postgres', 'SELECT count(*), max(id) FROM items'),
	'121|121', 'committed rows survive, others do not');
index_agrees($node, 'items', 'the index agrees after rows were inserted one by one');
$node->safe_psql('postgres', q{COMMIT PREPARED 'survivor'});
index_agrees($node, 'items', 'a row of a prepared transaction is found after the crash');

# COPY, CREATE INDEX, VACUUM.
my $file = PostgreSQL::Test::Utils::tempdir . '/items.copy';
$node->safe_psql('postgres',
	"COPY (SELECT i, vector_of(i) FROM generate_series(2001, 6000) i) TO '$file'");
$node->safe_psql('postgres', "COPY items FROM '$file'");
crash($node);
index_agrees($node, 'items', 'the index agrees after COPY and a crash');

create_items($node, 'built', rows => 3000);
crash($node);
index_agrees($node, 'built', 'the index agrees after CREATE INDEX and a crash');

$node->safe_psql('postgres', <<'SQL');
DELETE FROM items WHERE id % 3 = 0;
DELETE FROM built WHERE id % 3 = 0;
VACUUM items, built;
SQL
crash($node);
my $dead = q{SELECT sum(dead_rows) FROM vseg_segments('%s_idx')};
is($node->safe_psql('postgres', sprintf($dead, 'built')), 1000, 'dead rows of a graph stay dead');
# Others take the dead rows' places.
insert_items($node, $_, 7001, 9000) foreach ('items', 'built');
index_agrees($node, $_, "$_: the index agrees after VACUUM, a crash and reuse of the rows' places")
  foreach ('items', 'built');

# Crashes amid writers.
my $scripts = PostgreSQL::Test::Utils::tempdir;
append_to_file("$scripts/write.sql", <<'SQL');
\set id random(10000, 10000000)
BEGIN;
INSERT INTO items SELECT i, vector_of(i) FROM generate_series(:id, :id + 20) i;
SAVEPOINT a;
INSERT INTO items VALUES (:id + 30, vector_of(:id + 30));
ROLLBACK TO a;
DELETE FROM items WHERE id = (SELECT id FROM items ORDER BY embedding <-> vector_of(:id) LIMIT 1);
END;
SQL
append_to_file("$scripts/vacuum.sql", 'VACUUM items;');
foreach my $round (1 .. 3)
{
	my $before = $node->safe_psql('postgres', 'SELECT count(*) FROM items');
	my ($output, $errors) = ('', '');
	my $writers = IPC::Run::start(
		[
			'pgbench', '-n', '-c', '3', '-T', '60', '-f', "$scripts/write.sql\@20", '-f',
			"$scripts/vacuum.sql\@1", '-h', $node->host, '-p', $node->port, 'postgres'
		],
		'>', \$output, '2>', \$errors);
	wait_until($node, "SELECT count(*) > $before + 600 FROM items", 'writers write');
	$node->stop('immediate');
	$writers->finish;
	$node->start;
	index_agrees($node, 'items', "round $round: the index agrees after a crash amid writers");
	$node->safe_psql('postgres', 'VACUUM items');
	insert_items($node, 'items', 20000000 + $round * 1000, 20000500 + $round * 1000);
	index_agrees($node, 'items', "round $round: VACUUM and inserts go on");
}

# Unlogged tables are empty after a crash.
create_items($node, 'volatile', kind => 'UNLOGGED', rows => 300);
insert_items($node, 'volatile', 301, 400);
index_agrees($node, 'volatile', 'an index of an unlogged table agrees');
crash($node);
is($node->safe_psql('postgres', 'SELECT count(*) FROM volatile'), 0, 'the unlogged table is empty');
index_agrees($node, 'volatile', 'so is its index');
insert_items($node, 'volatile', 1, 300);
index_agrees($node, 'volatile', 'the index of the emptied table takes rows');
$node->stop;

# With wal_level = minimal an index built together with its table is not logged but synced.
my $minimal = start_cluster('minimal', conf => <<'CONF');
wal_level = minimal
max_wal_senders = 0
wal_skip_threshold = 0
CONF
$minimal->safe_psql('postgres', <<'SQL');
BEGIN;
CREATE TABLE items (id int, embedding vector(8));
INSERT INTO items SELECT i, vector_of(i) FROM generate_series(1, 500) i;
CREATE INDEX items_idx ON items USING vseg (embedding);
INSERT INTO items SELECT i, vector_of(i) FROM generate_series(501, 600) i;
COMMIT;
SQL
create_items($minimal, 'truncated', rows => 500);
$minimal->safe_psql('postgres', <<'SQL');
BEGIN;
TRUNCATE truncated;
INSERT INTO truncated SELECT i, vector_of(i) FROM generate_series(1001, 1600) i;
COMMIT;
SQL
create_items($minimal, 'reindexed', rows => 500);
$minimal->safe_psql('postgres', 'REINDEX TABLE reindexed');
crash($minimal);
index_agrees($minimal, $_, "wal_level minimal: the index of $_ agrees after a crash")
  foreach ('items', 'truncated', 'reindexed');
$minimal->stop;
done_testing();
