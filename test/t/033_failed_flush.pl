# A flush that fails ends a subtransaction, not the transaction: after ROLLBACK TO and COMMIT each
# row is in the index once, whether the flush had written it or not.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

my $node = start_cluster('primary');

# Six rows a page, 192 a batch.
my $dims = 300;
my $next_id = 1;
create_items($node, 'items', dims => $dims);

sub insert_rows
{
	my ($count) = @_;
	my $rows = "generate_series($next_id, $next_id + $count - 1)";
	$next_id += $count;
	return "INSERT INTO items SELECT i, vector_of(i, $dims) FROM $rows i;\n";
}

# What writes buffered rows while the transaction goes on. Settings go with the savepoint.
my $search = "SELECT id FROM items ORDER BY embedding <-> vector_of(1, $dims) LIMIT 1;\n";
my %flushes = (
	'a search' => sub { "SET enable_seqscan = off; SET enable_sort = off;\n$search" },
	'a parallel query' =>
	  sub { "SET force_parallel_mode = on;\nSELECT count(*) FROM items WHERE id > 0;\n" },
	'an overflow' => sub { "SET vseg.memtable_size = '64kB';\n" . insert_rows(100) },
	'an overflow into a run' => sub {
		"SET vseg.memtable_size = '64kB'; SET vseg.tail_seal_rows = 100000;\n" . insert_rows(100);
	},
);

# Runs a script whose flush must fail.
sub run_broken
{
	my ($script, $point, $test) = @_;
	my ($status, $stdout, $stderr) =
	  $node->psql('postgres', "LOAD 'vseg';\n$script", on_error_stop => 0);
	like($stderr, qr/^[^\n]*ERROR:  fault point "$point" was reached\n?[^\n]*$/, "$test: the flush fails once");
	return;
}

sub each_row_is_there_once
{
	my ($test) = @_;
	index_agrees($node, 'items', "$test: the index agrees");
	$node->safe_psql('postgres', 'VACUUM items');
	is($node->safe_psql('postgres', q{SELECT sum(rows - dead_rows) FROM vseg_segments('items_idx')}),
		$node->safe_psql('postgres', 'SELECT count(*) FROM items'), "$test: no row is lost or doubled");
	$node->safe_psql('postgres', 'TRUNCATE items');
	return;
}

foreach my $point (qw(append-begin append-vectors append-entries append-codes append-batch))
{
	foreach my $rows (5, 40, 1000)
	{
		next if $point eq 'append-vectors' && $rows == 5;    # they take no record of their own
		my $fault = "SET vseg.fault_point = '$point:error';\n";
		foreach my $flush ($rows == 1000 ? sort keys %flushes : 'a search')
		{
			my $test = "$point, $rows rows, $flush";
			run_broken('BEGIN;' . insert_rows($rows) . 'SAVEPOINT s;' . $fault . $flushes{$flush}->()
				  . 'ROLLBACK TO s;' . insert_rows(3) . 'COMMIT;', $point, $test);
			each_row_is_there_once($test);
		}

		# Rows of several subtransactions, of which some die with the flush.
		my $test = "$point, $rows rows of subtransactions";
		run_broken('BEGIN;' . insert_rows($rows) . 'SAVEPOINT a;' . insert_rows($rows) . 'SAVEPOINT b;'
			  . insert_rows($rows) . 'RELEASE b; SAVEPOINT c;' . insert_rows($rows) . 'SAVEPOINT d;'
			  . $fault . $flushes{'a search'}->() . 'ROLLBACK TO c;' . insert_rows($rows) . 'COMMIT;',
			$point, $test);
		each_row_is_there_once($test);
	}
}

# Again and again in one transaction, and a search in between that succeeds.
my $broken = q{SAVEPOINT s; SET vseg.fault_point = 'append-batch:error';} . $flushes{'a search'}->()
  . 'ROLLBACK TO s;';
my $script = 'BEGIN;' . insert_rows(1000) . $broken x 3 . insert_rows(10) . $broken
  . 'SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off;' . $search . insert_rows(10) . $broken . 'COMMIT;';
my ($status, $stdout, $stderr) = $node->psql('postgres', "LOAD 'vseg';\n$script", on_error_stop => 0);
is(scalar(() = $stderr =~ /ERROR:  fault point/g), 5, 'five flushes of a transaction fail');
each_row_is_there_once('five failed flushes');

# Rows that wait for the end of a rebuild that is rolled back.
run_broken('BEGIN;' . insert_rows(300) . 'SAVEPOINT s; REINDEX INDEX items_idx;' . insert_rows(300)
	  . q{SET vseg.fault_point = 'append-batch:error';} . $flushes{'a search'}->()
	  . 'ROLLBACK TO s;' . insert_rows(300) . 'COMMIT;', 'append-batch', 'rebuild rolled back');
each_row_is_there_once('rebuild rolled back');

# Serializable readers who missed the rows of the failed flush are still found: each of two
# transactions has read what it should have had from the other.
$node->safe_psql('postgres', 'CREATE TABLE other (id int)');
foreach my $rows (5, 1000)
{
	my @sessions = map { $node->background_psql('postgres', on_error_stop => 0) } 1 .. 2;
	my $read = sub { "SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off;\n$search" };
	$_->query('BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1') foreach @sessions;
	$sessions[0]->query("LOAD 'vseg';\n" . insert_rows($rows));
	$sessions[1]->query($read->());
	$sessions[1]->query('INSERT INTO other VALUES (1)');
	$sessions[0]->query('SELECT count(*) FROM other');
	$sessions[0]->query("SAVEPOINT s;\nSET vseg.fault_point = 'append-entries:error';\n" . $read->());
	$sessions[0]->query('ROLLBACK TO s');
	my @states = map { $_->query("COMMIT;\n\\echo state :SQLSTATE\n") =~ /state (\w+)/ ? $1 : 'none' } @sessions;
	is("@states", '00000 40001', "$rows rows: a serializable reader of the index is found");
	$_->quit foreach @sessions;
	each_row_is_there_once("$rows rows, serializable");
}

$node->stop;
done_testing();
