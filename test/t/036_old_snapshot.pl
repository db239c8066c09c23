# An old transaction keeps the space of what is replaced, without a bound on how often: sealing goes
# on, the space is reused once nobody can read it, and vseg_space says who can. Who cannot read the
# index keeps nothing: transactions in other databases, logical decoding.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

my $node = start_cluster('primary', conf => "wal_level = logical\nrestart_after_crash = on");
$node->safe_psql('postgres', 'CREATE DATABASE other');
create_items($node, 'items', rows => 400);
my $next = 401;

# So many vseg_compact, each of which replaces a run and a segment.
sub compactions
{
	my ($count) = @_;
	my $script = '';
	foreach (1 .. $count)
	{
		$script .= "INSERT INTO items SELECT i, vector_of(i) FROM generate_series($next, $next + 1) i;\n"
		  . "CALL vseg_compact('items_idx');\n";
		$next += 2;
	}
	return $script;
}
sub compact { return $node->safe_psql('postgres', compactions(@_)) }
sub space { return $node->safe_psql('postgres', "SELECT $_[0] FROM vseg_space('items_idx')") }

sub is_reclaimed
{
	my ($what) = @_;
	# A crash may have lost the last compactions, which nothing has flushed.
	$node->safe_psql('postgres', q{CALL vseg_compact('items_idx'); SELECT txid_current(); VACUUM items});
	is(space('waiting_members, waiting_bytes, waiting_since IS NULL, holder IS NULL'),
		'0|0|t|t', "$what: nothing waits");
	is(leaked_extents($node, 'items_idx'), 0, "$what: nothing is leaked");
	index_agrees($node, 'items', "$what: the index agrees");
	return;
}

# Who cannot read the index.
my $elsewhere = $node->background_psql('other');
$elsewhere->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class');
$node->safe_psql('postgres', q{SELECT pg_create_logical_replication_slot('slot', 'test_decoding')});
$node->safe_psql('other', 'CREATE TABLE t (); DROP TABLE t');
compact(3);
is_reclaimed('an old snapshot in another database and a logical slot');
$elsewhere->quit;
$node->safe_psql('postgres', q{SELECT pg_drop_replication_slot('slot')});

# Who can.
my $old = $node->background_psql('postgres');
my $pid = $old->query_safe('SELECT pg_backend_pid()');
chomp $pid;
$old->query_safe(q{SET application_name = 'a report'; SET enable_seqscan = off; SET vseg.iterative_scan = relaxed_order;
  BEGIN ISOLATION LEVEL REPEATABLE READ;
  DECLARE c CURSOR FOR SELECT id FROM items ORDER BY embedding <-> vector_of(7)});
my @seen = split /\n/, $old->query_safe('FETCH 5 FROM c');
my $rows = $next - 1;
compact(200);
my $waiting = space('waiting_members');
cmp_ok($waiting, '>=', 390, 'what is replaced waits, far more than a page lists');
is(space(q{waiting_bytes >= waiting_members * 512 * 1024 AND waiting_since <= now()}), 't', 'space and time of what waits');
is(space(qq{holder, holder_pid = $pid, holder_name, holder_xid_age > 100, holder_since < now()}),
	'transaction|t|a report|t|t', 'the view says who holds the horizon');
is($node->safe_psql('postgres', q{SELECT count(*), sum(rows) FROM vseg_segments('items_idx')}),
	'2|' . ($next - 1), 'everything is sealed nevertheless');
$node->safe_psql('postgres', 'VACUUM items');
is(space('waiting_members'), $waiting, 'VACUUM frees nothing that the old transaction may read');
index_agrees($old, 'items', 'the old snapshot finds its rows');
push @seen, split /\n/, $old->query_safe('FETCH ALL FROM c');
is(scalar(@seen), $rows, 'an old cursor goes on in what was replaced');
$old->query_safe('ROLLBACK');
my $size = space('bytes');
is_reclaimed('the old transaction is over');
compact(20);
cmp_ok(space('bytes'), '<=', $size, 'its space is reused');

# A prepared transaction.
$node->safe_psql('postgres', q{BEGIN; CREATE TABLE t (); PREPARE TRANSACTION 'forgotten'});
compact(1);
is(space('holder, holder_pid IS NULL, holder_name'), 'prepared transaction|t|forgotten', 'a prepared transaction');
$node->safe_psql('postgres', q{ROLLBACK PREPARED 'forgotten'});
is_reclaimed('the prepared transaction is over');

# Crashes between the steps of the list, filled while a snapshot is open.
sub fill
{
	my $holder = $node->background_psql('postgres');
	$holder->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
	compact(50);
	return $holder;
}
sub crash
{
	my ($fault, $statements) = @_;
	my $start = -s $node->logfile;
	my ($status, $stdout, $stderr) = $node->psql(
		'postgres', "LOAD 'vseg';\nSET vseg.fault_point = '$fault';\n$statements\n\\echo alive\n", on_error_stop => 0);
	unlike($stdout, qr/alive/, $fault);
	$node->wait_for_log(qr/all server processes terminated; reinitializing/, $start);
	wait_until_up($node);
	return;
}
my $holder = $node->background_psql('postgres');
$holder->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
crash('displaced-moved:kill', compactions(50));
$next = $node->safe_psql('postgres', 'SELECT max(id) + 1 FROM items');
$holder->{run}->finish;
is_reclaimed('a crash when the list has become longer');
foreach my $fault (qw(reclaim-logged reclaim-released displaced-unlinked))
{
	$holder = fill();
	$holder->quit;
	crash("$fault:kill", 'VACUUM items;');
	is_reclaimed("a crash at $fault");
	$holder = fill();
	$holder->quit;
	my $error = sql_error($node, "LOAD 'vseg'; SET vseg.fault_point = '$fault:error'; VACUUM items");
	like($error, qr/fault point/, "$fault:error");
	is_reclaimed("an error at $fault");
}

$node->stop;
done_testing();
