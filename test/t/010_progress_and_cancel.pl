# Builds report their progress; builds, searches and VACUUM stop soon when they are asked to, and
# leave nothing behind.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes;
use VsegTest;

my $node = start_cluster('primary');
$node->safe_psql('postgres', q{ALTER SYSTEM SET maintenance_work_mem = '256MB'});
$node->reload;
my $create = 'CREATE INDEX slow_idx ON items USING vseg (embedding) WITH (m = 64, '
  . 'ef_construction = 1000)';
# The graph of these rows takes tens of seconds.
create_items($node, 'items', rows => 20000, dims => 64, index => 0);

sub seconds_of
{
	my ($action) = @_;
	my $start = Time::HiRes::time();
	$action->();
	return Time::HiRes::time() - $start;
}

# A session that prints what became of a statement.
sub start_in_background
{
	my ($statement, @settings) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query_safe($_) foreach (@settings);
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	$session->query_until(qr/started/, "\\echo started\n$statement;\n\\echo ended :SQLSTATE\n");
	return ($session, $pid);
}

sub nothing_left
{
	my ($pid, $what) = @_;
	is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_class WHERE relname = 'slow_idx'}),
		0, "$what: no index is left");
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE pid = $pid"),
		0, "$what: no lock is left");
	is(threads_of($pid), 1, "$what: no thread is left") if -d "/proc/$pid/task";
	is(scalar(glob($node->data_dir . '/base/pgsql_tmp/*')), undef, "$what: no temporary file is left");
	return;
}

# Progress, then pg_cancel_backend amid the graph.
my ($session, $pid) = start_in_background($create);
my %phases;
my $progress = "SELECT phase, tuples_done, tuples_total FROM pg_stat_progress_create_index WHERE pid = $pid";
my ($done, $total) = (0, 0);
foreach (1 .. 100 * $PostgreSQL::Test::Utils::timeout_default)
{
	my ($phase, @counts) = split(/\|/, $node->safe_psql('postgres', $progress));
	last if !defined $phase;
	$phases{$phase} = 1;
	($done, $total) = @counts;
	last if $phase =~ /building graph/ && $done > 0;
	Time::HiRes::usleep(10_000);
}
ok($phases{'building index: building graph'}, 'the phase "building graph" is reported');
is($total, 20000, 'the rows to be indexed are reported');
cmp_ok($done, '<', 20000, 'the rows indexed are reported while the graph is built');
my $seconds = seconds_of(
	sub {
		$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
		$session->query_until(qr/ended 57014/, '');
	});
cmp_ok($seconds, '<', 10, "CREATE INDEX is cancelled soon ($seconds s)");
nothing_left($pid, 'cancelled CREATE INDEX');
$session->quit;

# The load phase, held up by a predicate.
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION slowly(id int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  PERFORM pg_sleep(0.01);
  RETURN true;
END
$$
SQL
($session, $pid) = start_in_background("$create WHERE slowly(id)");
wait_until($node, "SELECT phase = 'building index: loading tuples'
  FROM pg_stat_progress_create_index WHERE pid = $pid", 'the phase "loading tuples" is reported');
$seconds = seconds_of(
	sub {
		$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
		$session->query_until(qr/ended 57014/, '');
	});
cmp_ok($seconds, '<', 10, "CREATE INDEX is cancelled while it loads rows ($seconds s)");
nothing_left($pid, 'CREATE INDEX cancelled while it loads rows');
$session->quit;

# Little memory: rows are narrowed and spooled to a temporary file.
($session, $pid) =
  start_in_background($create, q{SET maintenance_work_mem = '8MB'}, q{SET statement_timeout = '3s'});
$seconds = seconds_of(sub { $session->query_until(qr/ended 57014/, ''); });
cmp_ok($seconds, '<', 13, "CREATE INDEX with little memory stops at statement_timeout ($seconds s)");
nothing_left($pid, 'CREATE INDEX stopped by statement_timeout');
$session->quit;

# A terminated backend.
($session, $pid) = start_in_background($create);
wait_until($node, "SELECT phase = 'building index: building graph' AND tuples_done > 0
  FROM pg_stat_progress_create_index WHERE pid = $pid", 'the graph is being built');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
wait_until($node, "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid", 'the backend is gone');
$session->{run}->finish;
pass('a backend that builds can be terminated');

# Searches of a big tail.
$node->safe_psql('postgres', 'CREATE TABLE tail (id int, embedding vector(64));
  CREATE INDEX tail_idx ON tail USING vseg (embedding);
  INSERT INTO tail SELECT * FROM items');
($session, $pid) = start_in_background(
	'SELECT sum(id) FROM generate_series(1, 100000) q, LATERAL (SELECT id FROM tail '
	  . 'ORDER BY embedding <-> vector_of(q, 64) LIMIT 10) s',
	'SET enable_seqscan = off', q{SET statement_timeout = '1s'});
$seconds = seconds_of(sub { $session->query_until(qr/ended 57014/, ''); });
cmp_ok($seconds, '<', 11, "searches of a big tail stop at statement_timeout ($seconds s)");
$session->quit;

# VACUUM amid the index.
$node->safe_psql('postgres', 'DELETE FROM tail WHERE id % 2 = 0');
($session, $pid) = start_in_background('VACUUM tail',
	'SET vacuum_cost_delay = 100', 'SET vacuum_cost_limit = 20', 'SET vacuum_cost_page_hit = 1',
	'SET vacuum_cost_page_dirty = 1');
wait_until($node, "SELECT count(*) = 1 FROM pg_locks WHERE pid = $pid AND locktype = 'tuple'",
	'VACUUM holds the lock on the directory');
$seconds = seconds_of(
	sub {
		$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
		$session->query_until(qr/ended 57014/, '');
	});
cmp_ok($seconds, '<', 10, "VACUUM is cancelled soon ($seconds s)");
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE pid = $pid"),
	0, 'cancelled VACUUM: no lock is left');
$session->quit;
index_agrees($node, 'tail', 'the index agrees after a cancelled VACUUM');
$node->safe_psql('postgres', 'VACUUM tail');
insert_items($node, 'tail', 30001, 35000);
index_agrees($node, 'tail', 'the index agrees after a VACUUM that was let finish');

$node->stop;
done_testing();
