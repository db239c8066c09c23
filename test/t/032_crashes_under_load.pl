# Clients insert, delete, roll back, search, vacuum and compact all at once while workers seal and
# merge, and a backend or a worker is killed amid it: the index has the rows of the table, each once,
# no space is lost, and the standby agrees. VSEG_ROUNDS runs it longer.
use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);
use VsegTest;

my $seed = $ENV{VSEG_SEED} || 7;
my $rounds = $ENV{VSEG_ROUNDS} || 3;
srand($seed);
diag("VSEG_SEED=$seed");

my $primary = start_cluster('primary', init => [ allows_streaming => 1 ], conf => <<'CONF');
restart_after_crash = on
max_worker_processes = 6
vseg.tail_seal_rows = 300
wal_consistency_checking = 'all'
wal_keep_size = '1GB'
CONF
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

# Of so many dimensions that rows have codes.
my $dims = 24;
create_items($primary, 'items', dims => $dims, rows => 500, with => 'merge_factor = 2');
my $dir = PostgreSQL::Test::Utils::tempdir;
my $id = '\set id random(10000, 100000000)';

sub rows
{
	my ($count) = @_;
	return "INSERT INTO items SELECT i, vector_of(i, $dims) FROM generate_series(:id, :id + $count) i;\n";
}
append_to_file("$dir/write.sql", "$id\n" . rows(60));
append_to_file("$dir/savepoint.sql",
	"$id\nBEGIN;\n" . rows(20) . "SAVEPOINT a;\n" . rows(20) . "ROLLBACK TO a;\n" . rows(10) . "COMMIT;\n");
append_to_file("$dir/delete.sql", <<"SQL");
$id
DELETE FROM items WHERE ctid IN (SELECT ctid FROM items
  ORDER BY embedding <-> vector_of(:id, $dims) LIMIT 75 FOR UPDATE SKIP LOCKED);
SQL
append_to_file("$dir/compare.sql", "SELECT 1 / (compare_answers('items', 2, 10) = '')::int;\n");
append_to_file("$dir/vacuum.sql", "VACUUM items;\n");
append_to_file("$dir/compact.sql", "CALL vseg_compact('items_idx');\n");

# A worker if there is one and `worker` is set, else a client.
sub kill_somebody
{
	my ($worker) = @_;
	my $start = -s $primary->logfile;
	my $pid = $primary->safe_psql('postgres', <<"SQL");
SELECT pid FROM pg_stat_activity
WHERE backend_type IN ('vseg worker', 'client backend') AND pid <> pg_backend_pid()
ORDER BY backend_type = 'vseg worker' AND $worker DESC, random() LIMIT 1
SQL
	kill 'KILL', $pid;
	$primary->wait_for_log(qr/all server processes terminated; reinitializing/, $start);
	return;
}

foreach my $round (1 .. $rounds)
{
	my ($in, $out, $errors) = ('', '', '');
	my $clients = IPC::Run::start(
		[
			'pgbench', '-n', '-c', '5', '-T', '10', '-h', $primary->host, '-p', $primary->port,
			'-f', "$dir/write.sql\@30", '-f', "$dir/savepoint.sql\@15", '-f', "$dir/delete.sql\@30",
			'-f', "$dir/compare.sql\@3", '-f', "$dir/vacuum.sql\@3", '-f', "$dir/compact.sql\@1", 'postgres'
		],
		'<', \$in, '>', \$out, '2>', \$errors);
	if ($round != 3)    # that one goes on to its end
	{
		my $end = Time::HiRes::time() + 2 + rand(5);
		while (Time::HiRes::time() < $end)
		{
			$clients->pump_nb;
			sleep(0.1);
		}
		kill_somebody($round % 2 == 1 ? 'true' : 'false');
	}
	$clients->finish;
	unlike($errors, qr/ERROR/, "round $round: no client meets an error");
	wait_until_up($primary);
	index_agrees($primary, 'items', "round $round: the index agrees");
	wait_until($primary, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'vseg worker'},
		'workers are done');
	$primary->safe_psql('postgres', $_)
	  foreach ('SET vseg.tail_seal_rows = 0; VACUUM items', q{CALL vseg_compact('items_idx')},
		'SELECT txid_current()', 'SET vseg.tail_seal_rows = 0; VACUUM items');
	is($primary->safe_psql('postgres', q{SELECT sum(rows - dead_rows) FROM vseg_segments('items_idx')}),
		$primary->safe_psql('postgres', 'SELECT count(*) FROM items'), "round $round: no row is lost or doubled");
	is(leaked_extents($primary, 'items_idx'), 0, "round $round: no space is leaked");
	$primary->wait_for_catchup($standby);
	index_agrees($standby, 'items', "round $round: the standby agrees");
}

unlike(slurp_file($_->logfile), qr/PANIC|TRAP|corrupt|leak|inconsistent page|signal 11/,
	'nothing is damaged')
  foreach ($primary, $standby);
$standby->stop;
$primary->stop;
done_testing();
