# Jobs that fail are tried more and more seldom, by all backends alike. Who inserts more than is
# sealed is told what holds the inserts up.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

my $node = start_cluster(
	'primary',
	conf => <<'CONF');
max_worker_processes = 4
vseg.tail_seal_rows = 500
vseg.tail_slowdown_rows = 2000
vseg.tail_stop_rows = 4000
CONF

sub stat_of
{
	my ($items, $cause, $columns) = @_;
	return $node->safe_psql('postgres', "SELECT $columns FROM vseg_stats('${items}_idx') WHERE cause = '$cause'");
}

sub no_worker
{
	my ($what) = @_;
	wait_until($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'vseg worker'}, $what);
	return;
}

# Has workers started until one more has failed than so many.
sub fail_again
{
	my ($items, $failures) = @_;
	foreach (1 .. 1000)
	{
		$node->safe_psql('postgres', "LOAD 'vseg'; SET vseg.fault_point = 'merge-read:error'; VACUUM $items");
		last if stat_of($items, 'seal', 'failures') > $failures;
		select(undef, undef, undef, 0.1);
	}
	no_worker('the worker that failed is gone');
	is(stat_of($items, 'seal', 'failures'), $failures + 1, 'a worker has failed');
	return;
}

# Each failure doubles the time until the next attempt.
create_items($node, 'items');
$node->safe_psql('postgres', 'SET vseg.tail_seal_rows = 0;
  INSERT INTO items SELECT i, vector_of(i) FROM generate_series(1, 600) i');
is(stat_of('items', 'seal', 'retry_at IS NULL'), 't', 'nothing has failed');
foreach my $failures (0 .. 2)
{
	fail_again('items', $failures);
	my $least = 2**$failures;
	is(stat_of('items', 'seal', "retry_at - last_failed >= interval '$least s'"), 't',
		"the next attempt is $least seconds later at least");
	is(stat_of('items', 'merge', 'retry_at IS NULL'), 't', 'that is nothing to merges');
}
my $workers = stat_of('items', 'worker', 'runs');
$node->safe_psql('postgres', 'VACUUM items');
ok( stat_of('items', 'worker', 'runs') == $workers
	  || stat_of('items', 'seal', 'retry_at IS NULL OR retry_at <= now()') eq 't',
	'no worker is started before that');
like(slurp_file($node->logfile), qr/LOG:  next attempt to seal vseg index "items_idx" in \d+ seconds/,
	'the log says so');
foreach (1 .. 1000)
{
	$node->safe_psql('postgres', 'VACUUM items');
	last if stat_of('items', 'seal', 'runs') > 0;
	select(undef, undef, undef, 0.1);
}
no_worker('the worker is gone');
is(stat_of('items', 'seal', 'runs, retry_at IS NULL, failures'), '1|t|3', 'a success ends it');
index_agrees($node, 'items', 'the index agrees');

# Whom somebody has cancelled is not taken for one that fails.
my $gate = $node->background_psql('postgres');
$gate->query_safe('SELECT pg_advisory_lock(1987274087, 0)');
$node->safe_psql('postgres', q{LOAD 'vseg'; SET vseg.fault_point = 'merge-read';
  INSERT INTO items SELECT i, vector_of(i) FROM generate_series(1001, 2900) i});
wait_until($node, q{SELECT count(*) = 1 FROM pg_locks JOIN pg_stat_activity USING (pid)
  WHERE locktype = 'advisory' AND objid = 1 AND backend_type = 'vseg worker'}, 'a worker waits');
$node->safe_psql('postgres',
	q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE backend_type = 'vseg worker'});
no_worker('it is cancelled');
$gate->query_safe('SELECT pg_advisory_unlock_all()');
is(stat_of('items', 'seal', 'failures, retry_at IS NULL'), '4|t', 'the next one need not wait');

# While nothing is sealed because jobs fail, inserts are slowed down, but not stopped, and say why.
create_items($node, 'failing');
$node->safe_psql('postgres', 'SET vseg.tail_seal_rows = 0;
  INSERT INTO failing SELECT i, vector_of(i) FROM generate_series(1, 4500) i');
my $told = '';
foreach my $i (1 .. 30)
{
	my ($status, $stdout, $stderr) = $node->psql('postgres', qq{LOAD 'vseg'; SET vseg.fault_point = 'merge-read:error';
	  INSERT INTO failing VALUES (10000 + $i, vector_of($i))});
	is($status, 0, 'an insert is no failure');
	$told = $stderr;
	last if $told =~ /held up/;
	no_worker('the worker has failed');
}
like($told, qr/WARNING:  inserts into vseg index "failing_idx" are held up/, 'an insert that is slowed down says so');
like($told, qr/DETAIL:  45\d\d rows of it wait to be sealed\. The last background job failed: .*merge-read.*\. The next one is started in \d+ seconds\./,
	'and why');
like($told, qr/HINT:  Look into the server log and into vseg_stats\./, 'and what to do');
index_agrees($node, 'failing', 'the index agrees while nothing is sealed');
no_worker('nobody is at work');
$node->safe_psql('postgres', q{CALL vseg_compact('failing_idx')});
is(stat_of('failing', 'seal', 'retry_at IS NULL'), 't', 'sealing by hand ends it');

# A sealer that is too slow. Who waits at the stop threshold is told after ten seconds.
create_items($node, 'slow');
$node->safe_psql('postgres', 'SET vseg.tail_seal_rows = 0;
  INSERT INTO slow SELECT i, vector_of(i) FROM generate_series(1, 4500) i');
$gate->query_safe('SELECT pg_advisory_lock(1987274087, 0)');
my $sealer = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $sealer->query_safe('SELECT pg_backend_pid()');
$sealer->query_safe(q{LOAD 'vseg'; SET vseg.fault_point = 'merge-written'});
$sealer->query_until(qr/started/, "\\echo started\nCALL vseg_compact('slow_idx');\n\\echo ended :SQLSTATE\n");
wait_until($node, "SELECT count(*) = 1 FROM pg_locks WHERE pid = $pid AND locktype = 'advisory'", 'the sealer waits');
my $writer = $node->background_psql('postgres', on_error_stop => 0);
$writer->query_until(qr/started/, "\\echo started\nINSERT INTO slow VALUES (0, vector_of(0));\n\\echo ended :SQLSTATE\n");
foreach (1 .. 1800)
{
	$writer->{run}->pump_nb;
	last if $writer->{stderr} =~ /HINT/;
	select(undef, undef, undef, 0.1);
}
like($writer->{stderr}, qr/WARNING:  inserts into vseg index "slow_idx" are held up\n.*DETAIL:  4500 rows of it wait to be sealed\./s,
	'who waits for long is told while it waits');
like($writer->{stderr}, qr/HINT:  Increase vseg\.merge_threads, or insert more slowly\./, 'and what to do');
is($node->safe_psql('postgres', 'SELECT count(*) FROM slow WHERE id = 0'), 0, 'it still waits');
$gate->query_safe('SELECT pg_advisory_unlock_all()');
like($sealer->query_until(qr/ended \w+/, ''), qr/ended 00000/, 'the sealer is done');
like($writer->query_until(qr/ended \w+/, ''), qr/ended 00000/, 'and the insert goes on');
is(() = $writer->{stderr} =~ /WARNING/g, 1, 'it was told once');
index_agrees($node, 'slow', 'the index agrees');

$_->quit foreach $gate, $sealer, $writer;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|corrupt|leak|terminated by signal/, 'nothing crashed, nothing leaked');
$node->stop;
done_testing();
