# The counters of an index survive a restart, may fall back in a crash, stay as they are on a standby,
# and tell of background jobs that failed. Nothing depends on them.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

my $node = start_cluster(
	'primary',
	init => [ allows_streaming => 1, extra => ['--data-checksums'] ],
	conf => "vseg.tail_seal_rows = 2000\nmax_worker_processes = 4");

sub stat_of
{
	my ($where, $cause, $columns) = @_;
	return $where->safe_psql('postgres', "SELECT $columns FROM vseg_stats('items_idx') WHERE cause = '$cause'");
}

sub all_stats
{
	my ($where) = @_;
	return $where->safe_psql('postgres', q{SELECT * FROM vseg_stats('items_idx')});
}

sub no_worker
{
	wait_until($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'vseg worker'},
		'the worker is gone');
	return;
}

# Background workers take their fault point from the configuration.
sub set_fault_point
{
	my ($point) = @_;
	$node->safe_psql('postgres', "LOAD 'vseg'; ALTER SYSTEM SET vseg.fault_point = '$point'");
	$node->reload;
	wait_until($node, "SELECT coalesce(current_setting('vseg.fault_point', true), '') = '$point'",
		'the fault point is set');
	return;
}

# What is counted.
create_items($node, 'items', rows => 100);
is(stat_of($node, 'build', 'runs, rows'), '1|100', 'the build is counted');
insert_items($node, 'items', 101, 3100);
wait_until($node, q{SELECT runs = 1 FROM vseg_stats('items_idx') WHERE cause = 'seal'}, 'a worker has sealed');
no_worker();
is(stat_of($node, 'flush', 'runs, rows'), '1|3000', 'the flush is counted');
is(stat_of($node, 'seal', 'rows, failures'), '3000|0', "the worker's seal is counted");
is(stat_of($node, 'worker', 'runs, failures'), '1|0', 'the worker is counted');

# Restarts, and a standby that begins with what its backup has.
my $before = all_stats($node);
$node->restart;
is(all_stats($node), $before, 'the counters survive a restart');
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
is(all_stats($standby), $before, 'a standby has the counters of its backup');
insert_items($node, 'items', 3101, 3200);
$node->wait_for_catchup($standby);
index_agrees($standby, 'items', 'the index agrees on the standby');
cmp_ok(stat_of($standby, 'flush', 'rows'), '<=', stat_of($node, 'flush', 'rows'),
	'a standby is not ahead of its primary');
my $on_standby = all_stats($standby);
index_agrees($standby, 'items', 'the index agrees again');
is(all_stats($standby), $on_standby, 'a standby counts nothing');

# A crash: counters of before may be lost, later ones are not.
$node->safe_psql('postgres', 'CHECKPOINT');
insert_items($node, 'items', 3201, 3300);
my $flushed = stat_of($node, 'flush', 'rows');
is($flushed, 3200, 'each flush is counted');
$node->stop('immediate');
$node->start;
my $recovered = stat_of($node, 'flush', 'rows');
cmp_ok($recovered, '<=', $flushed, 'a crash adds nothing');
cmp_ok($recovered, '>=', 3100, 'what was there before the checkpoint is there');
is(stat_of($node, 'build', 'runs, rows'), '1|100', 'and so is the build');
insert_items($node, 'items', 3301, 3310);
is(stat_of($node, 'flush', 'rows'), $recovered + 10, 'counting goes on');

# A background job that fails.
my $gate = $node->background_psql('postgres');
$gate->query_safe('SELECT pg_advisory_lock(1987274087, 0)');
set_fault_point('merge-read');
insert_items($node, 'items', 4001, 6000);
wait_until($node, q{SELECT count(*) = 1 FROM pg_locks JOIN pg_stat_activity USING (pid)
  WHERE locktype = 'advisory' AND objid = 1 AND backend_type = 'vseg worker'}, 'the worker waits');
is(stat_of($node, 'seal', 'failures, last_failure IS NULL'), '0|t', 'no failure yet');
$node->safe_psql('postgres',
	q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE backend_type = 'vseg worker'});
no_worker();
is(stat_of($node, 'seal', 'failures, last_failure, runs'),
	'1|canceling statement due to user request|1', 'the failure and its message are kept');
is(stat_of($node, 'seal', q{last_failed BETWEEN now() - interval '5 minutes' AND now()}), 't',
	'and its time');
is(stat_of($node, 'merge', 'failures, last_failure IS NULL'), '0|t', 'under its own cause');
like(slurp_file($node->logfile), qr/vseg worker.*\n?.*ERROR:  canceling statement|ERROR:  canceling statement/,
	'the failure is logged');
set_fault_point('');
$gate->quit;
$node->safe_psql('postgres', 'VACUUM items');
wait_until($node, q{SELECT runs = 2 FROM vseg_stats('items_idx') WHERE cause = 'seal'}, 'the next worker seals');
no_worker();
index_agrees($node, 'items', 'the index agrees after a failure');

# A worker that gives way is no failure, but what it has done is counted.
$gate = $node->background_psql('postgres');
$gate->query_safe('SELECT pg_advisory_lock(1987274087, 0)');
set_fault_point('merge-written');
insert_items($node, 'items', 7001, 9500);
wait_until($node, q{SELECT count(*) = 1 FROM pg_locks JOIN pg_stat_activity USING (pid)
  WHERE locktype = 'advisory' AND objid = 1 AND backend_type = 'vseg worker'}, 'the worker waits');
my $rows = stat_of($node, 'seal', 'rows');
$node->safe_psql('postgres', 'BEGIN; DROP INDEX items_idx; ROLLBACK');
no_worker();
set_fault_point('');
$gate->quit;
is(stat_of($node, 'seal', 'failures, runs'), '1|2', 'to give way is no failure');
cmp_ok(stat_of($node, 'seal', 'rows'), '>', $rows, 'what the worker has written is counted');

# No slot for a worker.
$node->safe_psql('postgres', 'ALTER SYSTEM SET max_worker_processes = 0');
$standby->stop;
$node->restart;
my $refused = stat_of($node, 'worker', 'failures');
$node->safe_psql('postgres', 'VACUUM items');
cmp_ok(stat_of($node, 'worker', 'failures'), '>', $refused, 'workers that could not start are counted');

# A damaged page costs the counters, nothing else.
$node->safe_psql('postgres', 'ALTER SYSTEM SET vseg.tail_seal_rows = 0');
my $path = $node->data_dir . '/' . $node->safe_psql('postgres', q{SELECT pg_relation_filepath('items_idx')});
$node->stop;
open my $file, '+<', $path or die "cannot open $path: $!";
binmode $file;
sysseek $file, 2 * 8192 + 100, 0;
syswrite $file, 'x' x 50;
close $file;
$node->start;
like(sql_error($node, q{SELECT * FROM vseg_stats('items_idx')}), qr/invalid page/, 'damage is noticed');
insert_items($node, 'items', 10001, 10020);
is(stat_of($node, 'flush', 'runs, rows'), '1|20', 'a damaged page starts anew');
index_agrees($node, 'items', 'the index agrees');

$node->stop;
done_testing();
