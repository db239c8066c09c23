# Inserters that are faster than sealing are slowed down, seal themselves where no worker does, and
# wait at the stop threshold, but never for ever and never while they commit.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes;
use VsegTest;

my $node = start_cluster(
	'primary',
	init => [ allows_streaming => 1 ],
	conf => <<'CONF');
restart_after_crash = on
max_worker_processes = 1    # which the logical replication launcher takes
vseg.tail_seal_rows = 500
vseg.tail_slowdown_rows = 2000
vseg.tail_stop_rows = 4000
CONF
my $dir = PostgreSQL::Test::Utils::tempdir;

sub rows_of
{
	my ($items, $kinds) = @_;
	return $node->safe_psql('postgres',
		"SELECT coalesce(sum(rows), 0) FROM vseg_segments('${items}_idx') WHERE kind IN ($kinds)");
}
sub tail_of { return rows_of($_[0], q{'append chain', 'flat run'}) }
sub sealed_in { return rows_of($_[0], q{'graph segment'}) }

sub no_row_is_lost
{
	my ($items, $test) = @_;
	index_agrees($node, $items, "$test: the index agrees");
	$node->safe_psql('postgres', "SET vseg.tail_seal_rows = 0; VACUUM $items");
	is($node->safe_psql('postgres', "SELECT sum(rows - dead_rows) FROM vseg_segments('${items}_idx')"),
		$node->safe_psql('postgres', "SELECT count(*) FROM $items"),
		"$test: the index has the rows of the table and no others");
	return;
}

sub pgbench
{
	my ($test, @arguments) = @_;
	return $node->command_checks_all([ 'pgbench', '-n', @arguments, 'postgres' ],
		0, [qr/number of failed transactions: 0 /], [qr/\A\z/], $test);
}

# Without a slot for a worker inserters seal by themselves, in shares.
create_items($node, 'items');
append_to_file("$dir/write.sql", <<'SQL');
\set id random(10000, 100000000)
INSERT INTO items SELECT i, vector_of(i) FROM generate_series(:id, :id + 40) i;
SQL
pgbench('clients meet no error without workers', '-c', '4', '-j', '2', '-t', '60', '-f', "$dir/write.sql");
is($node->safe_psql('postgres', 'SELECT count(*) FROM items'), 9840, 'all rows are there');
cmp_ok(tail_of('items'), '<', 4000, 'the tail is below the stop threshold');
cmp_ok(sealed_in('items'), '>', 4000, 'inserters have sealed');
no_row_is_lost('items', 'several clients without workers');

# Within a transaction: statements are held up, not its end, and a rollback undoes no seal.
create_items($node, 'transaction');
my $session = $node->background_psql('postgres');
$session->query_safe('SET vseg.memtable_size = 64');
$session->query_safe('BEGIN');
foreach my $first (1 .. 8)
{
	$session->query_safe("SAVEPOINT s$first");
	$session->query_safe("INSERT INTO transaction SELECT i, vector_of(i)
	  FROM generate_series($first * 1000, $first * 1000 + 999) i");
	$session->query_safe("ROLLBACK TO s$first") if $first % 4 == 0;
}
cmp_ok(sealed_in('transaction'), '>', 0, 'rows of an open transaction are sealed');
cmp_ok(tail_of('transaction'), '<', 4000 + 1000, 'its tail is bounded');
index_agrees($session, 'transaction', 'it finds its own rows');
index_agrees($node, 'transaction', 'others do not');
$session->query_safe('ROLLBACK');
no_row_is_lost('transaction', 'rollback');

# A search that is open while its transaction seals goes on over what it has begun with.
$session->query_safe(q{BEGIN; SET LOCAL enable_seqscan = off; SET LOCAL vseg.iterative_scan = relaxed_order;
  INSERT INTO items SELECT i, vector_of(i) FROM generate_series(-3000, -1) i;
  DECLARE c CURSOR FOR SELECT id FROM items ORDER BY embedding <-> vector_of(1)});
my $count = split /\n/, $session->query_safe('FETCH 100 FROM c');
my $sealed = sealed_in('items');
$session->query_safe(q{INSERT INTO items SELECT i, vector_of(i) FROM generate_series(-9000, -8900) i})
  foreach 1 .. 30;
cmp_ok(sealed_in('items'), '>', $sealed, 'the transaction has sealed');
$count += split /\n/, $session->query_safe('FETCH ALL FROM c');
is($count, 9840 + 3000, 'the search returns each row once');
$session->query_safe('COMMIT');
no_row_is_lost('items', 'a search open meanwhile');

# 0: nobody seals, and nobody waits.
create_items($node, 'free');
$node->safe_psql('postgres', 'SET vseg.tail_seal_rows = 0; INSERT INTO free SELECT i, vector_of(i)
  FROM generate_series(1, 9000) i; INSERT INTO free SELECT i, vector_of(i) FROM generate_series(9001, 9010) i');
is(tail_of('free'), 9010, 'without sealing there is no back-pressure');

# While another seals, an inserter beyond the threshold is delayed; at the stop threshold it waits
# until it is cancelled, or there is room.
my $gate = $node->background_psql('postgres');
$gate->query_safe('SELECT pg_advisory_lock(1987274087, 0)');
my $sealer = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $sealer->query_safe('SELECT pg_backend_pid()');
$sealer->query_safe(q{LOAD 'vseg'; SET vseg.fault_point = 'merge-written'});
$sealer->query_until(qr/started/, "\\echo started\nCALL vseg_compact('free_idx');\n\\echo ended :SQLSTATE\n");
wait_until($node, "SELECT count(*) = 1 FROM pg_locks WHERE pid = $pid AND locktype = 'advisory'",
	'the sealer waits');
my $writer = $node->background_psql('postgres', on_error_stop => 0);
my $writer_pid = $writer->query_safe('SELECT pg_backend_pid()');
$writer->query_until(qr/started/,
	"\\echo started\nINSERT INTO free VALUES (10001, vector_of(10001));\n\\echo ended :SQLSTATE\n");
wait_until($node, "SELECT wait_event_type = 'Extension' FROM pg_stat_activity WHERE pid = $writer_pid",
	'an inserter at the stop threshold waits');
index_agrees($node, 'free', 'searches do not');
$node->safe_psql('postgres', "SELECT pg_cancel_backend($writer_pid)");
like($writer->query_until(qr/ended \w+/, ''), qr/ended 57014/, 'waiting can be cancelled');
# One that has begun before may commit.
$session->query_safe('BEGIN; SET LOCAL vseg.tail_stop_rows = 100000; SET LOCAL vseg.tail_slowdown_rows = 100000');
$session->query_safe('INSERT INTO free VALUES (10002, vector_of(10002)); SET LOCAL vseg.tail_stop_rows = 4000;
  SET LOCAL vseg.tail_slowdown_rows = 2000');
my $start = Time::HiRes::time();
$session->query_safe('COMMIT');
cmp_ok(Time::HiRes::time() - $start, '<', 20, 'a commit does not wait');
$writer->query_until(qr/started/,
	"\\echo started\nINSERT INTO free VALUES (10003, vector_of(10003));\n\\echo ended :SQLSTATE\n");
wait_until($node, "SELECT wait_event_type = 'Extension' FROM pg_stat_activity WHERE pid = $writer_pid",
	'the next one waits');
$gate->query_safe('SELECT pg_advisory_unlock_all()');
like($sealer->query_until(qr/ended \w+/, ''), qr/ended 00000/, 'the sealer is done');
like($writer->query_until(qr/ended \w+/, ''), qr/ended 00000/, 'the inserter goes on');
no_row_is_lost('free', 'waiting');
$sealer->quit;

# Whoever seals in the place of a worker can be cancelled, and killed.
sub insert_until_sealing
{
	my ($items, $first) = @_;
	$gate->query_safe('SELECT pg_advisory_lock(1987274087, 0)');
	my $helper = $node->background_psql('postgres', on_error_stop => 0);
	my $helper_pid = $helper->query_safe('SELECT pg_backend_pid()');
	$helper->query_safe(q{LOAD 'vseg'; SET vseg.fault_point = 'merge-written'});
	$helper->query_until(qr/started/,
		"\\echo started\nINSERT INTO $items VALUES ($first, vector_of($first));\n\\echo ended :SQLSTATE\n");
	wait_until($node, "SELECT count(*) = 1 FROM pg_locks WHERE pid = $helper_pid AND locktype = 'advisory'",
		'the inserter seals');
	return ($helper, $helper_pid);
}
create_items($node, 'helped');
$node->safe_psql('postgres', 'SET vseg.tail_seal_rows = 0;
  INSERT INTO helped SELECT i, vector_of(i) FROM generate_series(1, 3000) i');
my ($helper, $helper_pid) = insert_until_sealing('helped', 10001);
is($node->safe_psql('postgres', 'SELECT count(*) FROM helped'), 3000, 'the row waits');
$node->safe_psql('postgres', 'DELETE FROM helped WHERE id % 5 = 0');
$node->safe_psql('postgres', 'VACUUM helped');
index_agrees($node, 'helped', 'the index agrees meanwhile');
$node->safe_psql('postgres', "SELECT pg_cancel_backend($helper_pid)");
like($helper->query_until(qr/ended \w+/, ''), qr/ended 57014/, 'an inserter that seals can be cancelled');
$gate->query_safe('SELECT pg_advisory_unlock_all()');
$helper->quit;
no_row_is_lost('helped', 'cancelled');
($helper, $helper_pid) = insert_until_sealing('helped', 10002);
$gate->query_safe('SELECT pg_advisory_unlock_all()');
like($helper->query_until(qr/ended \w+/, ''), qr/ended 00000/, 'the next one seals');
cmp_ok(sealed_in('helped'), '>=', 2000, 'it has sealed');
no_row_is_lost('helped', 'sealed by an inserter');
$helper->quit;

# Out of memory is no error of the insert.
$node->safe_psql('postgres', q{CALL vseg_compact('helped_idx')});
$node->safe_psql('postgres', 'SET vseg.tail_seal_rows = 0; INSERT INTO helped SELECT i, vector_of(i)
  FROM generate_series(20001, 22500) i');
my ($status, $stdout, $stderr) = $node->psql('postgres', q{LOAD 'vseg'; SET vseg.fault_point = 'seal-fails';
  INSERT INTO helped VALUES (10003, vector_of(10003)); INSERT INTO helped VALUES (10004, vector_of(10004));
  SELECT count(*) FROM helped WHERE id IN (10003, 10004)});
is($stdout, 2, 'an inserter that fails to seal inserts');
like($stderr, qr/\A[^\n]*WARNING:  could not seal the tail of vseg index "helped_idx": [^\n]*\n?(?!.*could not seal)/s,
	'and warns once');
no_row_is_lost('helped', 'failure');

# A COPY beyond the cap, with workers.
$node->safe_psql('postgres', 'ALTER SYSTEM SET max_worker_processes = 4');
$node->restart;
create_items($node, 'copied');
$node->safe_psql('postgres', "COPY (SELECT i, vector_of(i) FROM generate_series(1, 12000) i) TO '$dir/rows'");
$node->safe_psql('postgres', "SET vseg.memtable_size = 64; COPY copied FROM '$dir/rows'");
cmp_ok(tail_of('copied'), '<', 4000, 'the tail of a COPY is bounded');
no_row_is_lost('copied', 'COPY with workers');
append_to_file("$dir/both.sql", <<'SQL');
\set id random(10000, 100000000)
INSERT INTO copied SELECT i, vector_of(i) FROM generate_series(:id, :id + 40) i;
SQL
append_to_file("$dir/compare.sql", "SELECT 1 / (compare_answers('copied', 2, 10) = '')::int;\n");
append_to_file("$dir/vacuum.sql", "DELETE FROM copied WHERE id % 9 = 0;\nVACUUM copied;\n");
pgbench('clients meet no error with workers', '-c', '4', '-j', '2', '-T', '10', '-f', "$dir/both.sql\@30",
	'-f', "$dir/compare.sql\@2", '-f', "$dir/vacuum.sql\@1");
cmp_ok(tail_of('copied'), '<', 4000, 'the tail is bounded with workers');
wait_until($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'vseg worker'},
	'workers are gone');
no_row_is_lost('copied', 'clients with workers');

unlike(slurp_file($node->logfile), qr/PANIC|corrupt|leak/, 'no error');
$node->stop;
done_testing();
