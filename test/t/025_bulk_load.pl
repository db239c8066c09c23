# A load that overflows its memtable writes flat runs of its own: found while nobody has closed them,
# after rollbacks, a crash, a seal in their middle, and on a standby.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

# Runs are listed where tails are to be sealed, but no worker is to be had.
my $node = start_cluster(
	'primary',
	init => [ allows_streaming => 1 ],
	conf => <<'CONF');
wal_consistency_checking = 'all'
max_worker_processes = 0
vseg.tail_seal_rows = 500
vseg.memtable_size = 64kB    # about 160 rows of 100 dimensions
CONF
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;

sub rows_by_kind
{
	my ($items) = @_;
	return $node->safe_psql('postgres', "SELECT string_agg(format('%s %s', kind, rows), ', ' ORDER BY kind)
	  FROM (SELECT kind, sum(rows) AS rows FROM vseg_segments('${items}_idx') GROUP BY kind) k");
}

sub runs
{
	my ($items) = @_;
	return $node->safe_psql('postgres',
		"SELECT count(*) FROM vseg_segments('${items}_idx') WHERE kind = 'flat run'");
}

sub insert_rows
{
	my ($items, $first, $last) = @_;
	return "INSERT INTO $items SELECT i, vector_of(i, 100) FROM generate_series($first, $last) i;\n";
}

sub no_row_is_lost
{
	my ($items, $test) = @_;
	index_agrees($node, $items, "$test: the index agrees");
	$node->safe_psql('postgres', "VACUUM $items");
	is($node->safe_psql('postgres', "SELECT sum(rows - dead_rows) FROM vseg_segments('${items}_idx')"),
		$node->safe_psql('postgres', "SELECT count(*) FROM $items"),
		"$test: the index has the rows of the table and no others");
	return;
}

# What fits into memory goes to the chain; what overflows, and what follows it, to runs.
create_items($node, 'items', dims => 100);
insert_items($node, 'items', 1, 100);
is(rows_by_kind('items'), 'append chain 100', 'a short insert uses the chain');
insert_items($node, 'items', 101, 2100);
is(rows_by_kind('items'), 'append chain 100, flat run 2000', 'a long one uses runs');
cmp_ok(runs('items'), '>=', 2, 'runs begin about as long as what is sealed at once');
cmp_ok(runs('items'), '<=', 4, 'each is longer than the one before');
no_row_is_lost('items', 'INSERT .. SELECT');
my $dir = PostgreSQL::Test::Utils::tempdir;
chmod 0777, $dir;
$node->safe_psql('postgres', "COPY (SELECT id + 10000, embedding FROM items) TO '$dir/items'");
$node->safe_psql('postgres', "COPY items FROM '$dir/items'");
is(rows_by_kind('items'), 'append chain 100, flat run 4100', 'COPY uses runs');
no_row_is_lost('items', 'COPY');

# Once it has overflown a load flushes a megabyte at a time: 2 MB, then twice more, then the rest.
create_items($node, 'large', dims => 1000);
$node->safe_psql('postgres', q{SET vseg.memtable_size = '2MB';
  INSERT INTO large SELECT i, vector_of(i % 7, 1000) FROM generate_series(1, 1100) i});
is($node->safe_psql('postgres', q{SELECT format('%s %s', runs, rows) FROM vseg_stats('large_idx')
  WHERE cause = 'flush'}), '4 1100', 'a load that has overflown is flushed more often');
no_row_is_lost('large', 'frequent flushes');

# 0 seals nothing: nothing is to be sealed either.
create_items($node, 'unsealed', dims => 100);
$node->safe_psql('postgres', 'SET vseg.tail_seal_rows = 0; ' . insert_rows('unsealed', 1, 1000));
is(rows_by_kind('unsealed'), 'append chain 1000', 'without sealing there are no runs');

# Open, then rolled back; in part; searched by the transaction itself.
create_items($node, 'undone', dims => 100, rows => 50);
my $session = $node->background_psql('postgres');
$session->query_safe('BEGIN');
$session->query_safe(insert_rows('undone', 1001, 2000));
index_agrees($node, 'undone', 'rows of an open load are not found');
index_agrees($session, 'undone', 'its own search finds them');
$session->query_safe('SAVEPOINT s');
$session->query_safe(insert_rows('undone', 2001, 3000));
$session->query_safe('ROLLBACK TO s');
$node->safe_psql('postgres', 'VACUUM undone');
$node->safe_psql('postgres', insert_rows('undone', 3001, 4000));
index_agrees($session, 'undone', 'addresses of a rolled back savepoint were reused');
$session->query_safe(insert_rows('undone', 4001, 4500));
$session->query_safe('COMMIT');
no_row_is_lost('undone', 'savepoint');
$session->query_safe('BEGIN');
$session->query_safe(insert_rows('undone', 5001, 6000));
$session->query_safe('ROLLBACK');
no_row_is_lost('undone', 'rollback');
$session->query_safe('BEGIN');
$session->query_safe(insert_rows('undone', 7001, 8000));
$session->query_safe(q{PREPARE TRANSACTION 'load'});
$node->safe_psql('postgres', 'VACUUM undone');
$node->safe_psql('postgres', q{COMMIT PREPARED 'load'});
no_row_is_lost('undone', 'prepared transaction');

# The index is rebuilt under a run; the rebuilding is undone.
$session->query_safe('BEGIN');
$session->query_safe(insert_rows('undone', 9001, 9400));
$session->query_safe('SAVEPOINT s');
$session->query_safe('REINDEX INDEX undone_idx');
$session->query_safe(insert_rows('undone', 9401, 9800));
$session->query_safe('ROLLBACK TO s');
$session->query_safe(insert_rows('undone', 9801, 10200));
$session->query_safe('COMMIT');
no_row_is_lost('undone', 'REINDEX undone');
$session->query_safe('BEGIN');
$session->query_safe(insert_rows('undone', 11001, 11400));
$session->query_safe('TRUNCATE undone');
$session->query_safe(insert_rows('undone', 11401, 11800));
$session->query_safe('COMMIT');
no_row_is_lost('undone', 'TRUNCATE');

# A session that has written the first batch of a run's rows, and waits.
my $gate = $node->background_psql('postgres');

sub load_until_batch
{
	my ($items, $first, $last) = @_;
	$gate->query_safe('SELECT pg_advisory_lock(1987274087, 0)');
	my $loader = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $loader->query_safe('SELECT pg_backend_pid()');
	$loader->query_safe(q{LOAD 'vseg'; SET vseg.fault_point = 'append-batch'});
	$loader->query_until(qr/started/,
		"\\echo started\n" . insert_rows($items, $first, $last) . "\\echo ended :SQLSTATE\n");
	wait_until($node, "SELECT count(*) = 1 FROM pg_locks WHERE pid = $pid AND locktype = 'advisory'",
		'the load has begun');
	return ($loader, $pid);
}

# Sealed in its middle, the run takes no more rows; the load goes on elsewhere.
create_items($node, 'sealed', dims => 100, rows => 50);
my ($loader, $pid) = load_until_batch('sealed', 1001, 2500);
is(runs('sealed'), 1, 'the run is listed');
$node->safe_psql('postgres', q{CALL vseg_compact('sealed_idx')});
is(runs('sealed'), 0, 'a run is sealed while it is written to');
$gate->query_safe('SELECT pg_advisory_unlock_all()');
like($loader->query_until(qr/ended \w+/, ''), qr/ended 00000/, 'the load goes on');
no_row_is_lost('sealed', 'seal in the middle of a run');
$loader->quit;

# Cancelled.
($loader, $pid) = load_until_batch('sealed', 3001, 4500);
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
like($loader->query_until(qr/ended \w+/, ''), qr/ended 57014/, 'the load is cancelled');
$gate->query_safe('SELECT pg_advisory_unlock_all()');
$loader->quit;
no_row_is_lost('sealed', 'cancelled load');

# No more than 16 runs wait; the rest goes to the chain.
create_items($node, 'many', dims => 100);
$node->safe_psql('postgres', insert_rows('many', 1000 * $_ - 999, 1000 * $_)) foreach 1 .. 13;
is(runs('many'), 16, 'the directory is not filled with runs');
cmp_ok(rows_in_tail($node, 'many_idx'), '>', 1000, 'the rest is in the chain');
no_row_is_lost('many', 'many runs');
$node->safe_psql('postgres', q{CALL vseg_compact('many_idx')});
is(rows_by_kind('many'), 'append chain 0, graph segment 13000', 'compaction seals them all');
no_row_is_lost('many', 'compaction of many runs');
$node->wait_for_catchup($standby);
index_agrees($standby, $_, "$_: the index agrees on a standby") foreach 'items', 'undone', 'sealed', 'many';

# A crash with a run half written: nothing leaks, and the space is reused.
create_items($node, 'crashed', dims => 100, rows => 50);
($loader, $pid) = load_until_batch('crashed', 1001, 2500);
$node->stop('immediate');
$loader->{run}->finish;
$gate->{run}->finish;
$session->{run}->finish;
$node->start;
is(runs('crashed'), 1, 'the run has outlived the crash');
no_row_is_lost('crashed', 'crash');
$node->safe_psql('postgres', q{CALL vseg_compact('crashed_idx')});
is(rows_by_kind('crashed'), 'append chain 0, graph segment 50', 'the run is sealed away');
my @sizes;
foreach my $round (1 .. 5)
{
	$node->safe_psql('postgres', insert_rows('crashed', 1001, 2000));
	$node->safe_psql('postgres', q{CALL vseg_compact('crashed_idx')});
	$node->safe_psql('postgres', 'DELETE FROM crashed WHERE id > 1000; SELECT txid_current()');
	$node->safe_psql('postgres', 'VACUUM crashed');
	push @sizes, $node->safe_psql('postgres', q{SELECT pg_relation_size('crashed_idx') / 8192});
}
cmp_ok($sizes[4], '<=', $sizes[2], "space of runs is reused: @sizes");
no_row_is_lost('crashed', 'reuse');

$node->wait_for_catchup($standby);
index_agrees($standby, 'crashed', 'the index agrees on a standby after the crash of its primary');
unlike(slurp_file($node->logfile), qr/PANIC|corrupt|leak/, 'no error on the primary');
unlike(slurp_file($standby->logfile), qr/PANIC|FATAL.*inconsistent/, 'no error on the standby');
$standby->stop;
$node->stop;
done_testing();
