# Whatever fails, wherever it fails: flush, vseg_compact, a worker's seal or merge, VACUUM. At every
# fault point an error, memory or disk that runs out, and a crash lose no row and double none, a
# second try succeeds, and VACUUM gives back every extent that was taken in vain.
#
# VSEG_FAULTS=all breaks workers, too, in every way at every place, which takes longer.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use VsegTest;

my $all = ($ENV{VSEG_FAULTS} || '') eq 'all';
my $node = start_cluster(
	'primary',
	conf => "restart_after_crash = on\nmax_worker_processes = 4\nlog_min_messages = warning");

# What a client sees of each action; nothing of a crash but the end of the connection.
my %sqlstate = (error => 'XX000', out_of_memory => '53200', disk_full => '53100', kill => 'gone');
my @actions = sort keys %sqlstate;
my @appending = qw(append-begin append-vectors append-entries append-codes append-linked);
my @freezing = qw(freeze-begin chain-frozen run-closed);
my @merging = qw(merge-read merge-built merge-claimed merge-writing merge-written merge-carried
  merge-published merge-stamped);
my @vacuuming = qw(vacuum-marked vacuum-published reclaim-logged reclaim-released);
my @sweeping = qw(sweep-found sweep-released);

# As many rows come as go: what the index takes must not grow.
my $dims = 128;
my ($first_id, $next_id) = (1, 601);
create_items($node, 'items', rows => 600, dims => $dims);

sub insert_rows
{
	my ($count) = @_;
	my $rows = "generate_series($next_id, $next_id + $count - 1)";
	$next_id += $count;
	return "INSERT INTO items SELECT i, vector_of(i, $dims) FROM $rows i";
}

sub delete_rows
{
	my ($count) = @_;
	$first_id += $count;
	return "DELETE FROM items WHERE id < $first_id";
}

# What is not meant to fail; a session of its own for each statement would take half of the time.
my $session;

sub connect_again
{
	$session = $node->background_psql('postgres');
	$session->set_query_timer_restart;
	return;
}
connect_again();

sub run_all
{
	$session->query_safe($_) foreach @_;
	return;
}

sub value_of
{
	my ($query) = @_;
	my $value = $session->query_safe($query);
	chomp $value;
	return $value;
}

# The SQLSTATE of a statement under a fault point; 'gone' where the connection ends.
sub run_broken
{
	my ($fault, $statement) = @_;
	my ($status, $stdout, $stderr) = $node->psql(
		'postgres',
		"LOAD 'vseg';\nSET vseg.fault_point = '$fault';\n$statement;\n\\echo state :SQLSTATE\n",
		on_error_stop => 0);
	return $stdout =~ /state (\w+)/ ? $1 : 'gone';
}

# After a crash, which the server may notice later than the client; `start`: end of the log before.
sub wait_for_server
{
	my ($start) = @_;
	$node->wait_for_log(qr/all server processes terminated; reinitializing/, $start);
	$session->{run}->finish;
	wait_until_up($node);
	connect_again();
	return;
}

sub agrees
{
	my ($what) = @_;
	is(value_of(q{SELECT disagreements('items', 3)}), '', "$what: the index agrees");
	return;
}

# What was tried in vain is reclaimed, and the index has the rows of the table, each once.
sub reclaims_all
{
	my ($what) = @_;
	run_all('VACUUM items', q{CALL vseg_compact('items_idx')}, 'SELECT txid_current()', 'VACUUM items');
	is(leaked_extents($node, 'items_idx'), 0, "$what: VACUUM reclaims what was leaked");
	is(value_of(q{SELECT sum(rows - dead_rows) FROM vseg_segments('items_idx')}),
		value_of('SELECT count(*) FROM items'), "$what: no row is lost or doubled");
	return;
}

# Breaks a statement, which the session itself executes, in every way at one point.
sub break_statement
{
	my ($point, $prepare, $statement) = @_;
	foreach my $action (@actions)
	{
		my $what = "$point:$action";
		$prepare->();
		my $broken = $statement->();
		my $start = -s $node->logfile;
		is(run_broken($what, $broken), $sqlstate{$action}, $what);
		wait_for_server($start) if $action eq 'kill';
		agrees($what);
		run_all($broken);
		agrees("$what, once more");
	}
	reclaims_all($point);
	return;
}

foreach my $point (@appending)
{
	break_statement($point, sub { run_all(delete_rows(150)) },
		sub { insert_rows($point eq 'append-linked' ? 1200 : 150) });
	# Not so many that the rest takes long.
	run_all(delete_rows(1200 * 4 - 600), 'VACUUM FULL items') if $point eq 'append-linked';
}
my $size;
foreach my $point (@freezing, @merging)
{
	break_statement($point, sub { run_all(insert_rows(100), delete_rows(100)) },
		sub { q{CALL vseg_compact('items_idx')} });
	$size //= value_of(q{SELECT pg_relation_size('items_idx')});
}

# What fails again and again takes no more space each time, also where nobody vacuums.
run_all(insert_rows(100), delete_rows(100));
my @sizes;
foreach my $round (1 .. 8)
{
	is(run_broken('merge-written:error', q{CALL vseg_compact('items_idx')}), 'XX000', "failure $round");
	push @sizes, value_of(q{SELECT pg_relation_size('items_idx')});
}
is($sizes[7], $sizes[1], "failures do not add up: @sizes");

# VACUUM with something to mark and to drain.
sub prepare_vacuum
{
	run_all(insert_rows(250), q{CALL vseg_compact('items_idx')}, delete_rows(250));
	return;
}
break_statement($_, \&prepare_vacuum, sub { 'VACUUM items' }) foreach @vacuuming;

# And with something to sweep, which is looked for only where a job has failed.
sub prepare_sweep
{
	run_all(insert_rows(250));
	run_broken('merge-written:error', q{CALL vseg_compact('items_idx')});
	run_all(delete_rows(250));
	return;
}
break_statement($_, \&prepare_sweep, sub { 'VACUUM items' }) foreach @sweeping;
run_all(q{CALL vseg_compact('items_idx')}, q{CALL vseg_compact('items_idx')});
is(run_broken('sweep-found:error', 'VACUUM items'), '00000', 'no sweep where no job has failed');

# A merge drains what the one before displaced, before it writes.
sub prepare_drain
{
	run_all(insert_rows(100), q{CALL vseg_compact('items_idx')}, 'SELECT txid_current()',
		insert_rows(100), delete_rows(200));
	return;
}
break_statement($_, \&prepare_drain, sub { q{CALL vseg_compact('items_idx')} })
  foreach qw(reclaim-logged reclaim-released);

sub no_worker
{
	my ($fault) = @_;
	wait_until($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'vseg worker'},
		"the worker is gone: $fault");
	return;
}

# A worker has the setting of the session that starts it: VACUUM, which itself meets none of its
# fault points. What it met is in the server's log.
sub break_worker
{
	my ($fault, $prepare, $seal_rows) = @_;
	my $start = -s $node->logfile;
	$prepare->();
	run_broken($fault, "SET vseg.tail_seal_rows = $seal_rows;\nVACUUM items");
	my $met = $fault =~ /kill/ ? qr/reinitializing/
	  : $fault =~ /out_of_memory/ ? qr/ERROR:  out of memory/
	  : $fault =~ /disk_full/ ? qr/ERROR:  no space left/ : qr/ERROR:  fault point/;
	my $waits = 0;
	usleep(50_000) until slurp_file($node->logfile, $start) =~ $met || $waits++ > 3600;
	cmp_ok($waits, '<', 3600, "worker, $fault");
	wait_for_server($start) if $fault =~ /kill/;
	no_worker($fault);
	agrees("worker, $fault");
	return;
}

sub repaired
{
	my ($fault, $seal_rows, $done) = @_;
	run_all("SET vseg.tail_seal_rows = $seal_rows");
	# The next one is started a while after the one that failed.
	foreach (1 .. 1800)
	{
		run_all('VACUUM items');
		last if value_of("SELECT $done FROM vseg_segments('items_idx')") eq 't';
		usleep(100_000);
	}
	run_all('RESET vseg.tail_seal_rows');
	is(value_of("SELECT $done FROM vseg_segments('items_idx')"), 't', "the next worker succeeds: $fault");
	no_worker("$fault, once more");    # while it holds its locks no other is started
	agrees("worker, $fault, once more");
	return;
}

sub break_workers
{
	my ($prepare, $seal_rows, $done, @points) = @_;
	my $turn = 0;
	foreach my $point (@points)
	{
		foreach my $action ($all ? @actions : $actions[ $turn++ % @actions ])
		{
			break_worker("$point:$action", $prepare, $seal_rows);
			repaired("$point:$action", $seal_rows, $done);
		}
	}
	reclaims_all("worker, $seal_rows");
	return;
}
break_workers(sub { run_all(insert_rows(150), delete_rows(150)) },
	100, q{sum(rows) FILTER (WHERE kind <> 'graph segment') = 0}, @freezing, @merging);
break_workers(sub { run_all(insert_rows(200), q{CALL vseg_compact('items_idx')}, delete_rows(200)) },
	1000000, q{sum(dead_rows) = 0}, @merging);

# As many rows as before, and a hundred failures more.
cmp_ok(value_of(q{SELECT pg_relation_size('items_idx')}), '<=', 1.5 * $size, 'space is reused throughout');

# What vseg.fault_point takes.
like(sql_error($node, q{LOAD 'vseg'; SET vseg.fault_point = 'merge-read:explode'}),
	qr/ERROR:  22023: invalid value for parameter "vseg.fault_point"/, 'an unknown action is refused');
like(sql_error($node, q{LOAD 'vseg'; SET vseg.fault_point = '} . ('x' x 64) . q{'}),
	qr/ERROR:  22023: invalid value/, 'too long a name is refused');
is(run_broken('append-entries:wait', insert_rows(10)), 'XX000', 'nothing waits under a buffer lock');
my $start = -s $node->logfile;
is(run_broken('append-begin:panic', insert_rows(10)), 'gone', 'panic');
wait_for_server($start);
agrees('panic');
unlike(slurp_file($node->logfile), qr/TRAP|corrupt|leak|signal 11|signal 6.*\n.*signal 6/,
	'nothing else went wrong');
$node->stop;
done_testing();
