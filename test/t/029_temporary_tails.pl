# No worker sees a temporary table: the session that inserts into it seals its tail, and nothing that
# the session has under way minds.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

my $node = start_cluster('primary', conf => "vseg.tail_seal_rows = 500\nvseg.tail_slowdown_rows = 2000\ntemp_buffers = 1MB");
my $session = $node->background_psql('postgres');

sub rows_of
{
	my ($kinds) = @_;
	return $session->query_safe(
		"SELECT coalesce(sum(rows), 0) FROM vseg_segments('items_idx') WHERE kind IN ($kinds)");
}
sub tail { return rows_of(q{'append chain', 'flat run'}) }
sub sealed { return rows_of(q{'graph segment'}) }

sub insert
{
	my ($first, $last) = @_;
	return $session->query_safe("INSERT INTO items SELECT i, vector_of(i) FROM generate_series($first, $last) i");
}

sub no_row_is_lost
{
	my ($what) = @_;
	index_agrees($session, 'items', "$what: the index agrees");
	return;
}

$session->query_safe('CREATE TEMP TABLE items (id int, embedding vector(8)) WITH (vacuum_index_cleanup = on)');
$session->query_safe('CREATE INDEX items_idx ON items USING vseg (embedding)');

# One statement, and many.
insert(1, 4000);
cmp_ok(sealed(), '>=', 3000, 'a long statement seals as it goes');
insert(4001 + 50 * $_, 4050 + 50 * $_) foreach 0 .. 59;
is(sealed() + tail(), 7000, 'all rows are there');
cmp_ok(tail(), '<', 1500, 'the tail stays short');
cmp_ok($session->query_safe(q{SELECT count(*) FROM vseg_segments('items_idx')}), '<', 20, 'segments are merged');
no_row_is_lost('many statements');

# Subtransactions that are rolled back, and a search that is open meanwhile.
$session->query_safe(q{BEGIN; SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off;
  SET LOCAL vseg.iterative_scan = relaxed_order;
  DECLARE c CURSOR FOR SELECT id FROM items ORDER BY embedding <-> vector_of(1)});
my $found = split /\n/, $session->query_safe('FETCH 100 FROM c');
my $before = sealed();
foreach my $i (1 .. 10)
{
	$session->query_safe("SAVEPOINT s$i");
	insert(10000 + 400 * $i, 10399 + 400 * $i);
	$session->query_safe("ROLLBACK TO s$i") if $i % 3 == 0;
}
cmp_ok(sealed(), '>', $before, 'rows of an open transaction are sealed');
$found += split /\n/, $session->query_safe('FETCH ALL FROM c');
is($found, 7000, 'a search that was open returns each row once');
no_row_is_lost('within the transaction');
$session->query_safe('ROLLBACK');
no_row_is_lost('rolled back');
is($session->query_safe('SELECT count(*) FROM items'), 7000, 'the rows of before are left');
$session->query_safe('DELETE FROM items WHERE id % 3 = 0');
$session->query_safe('VACUUM items');
insert(20001, 22000);
no_row_is_lost('deleted and vacuumed');

# A seal that fails is no failure of the insert, and is tried again later.
$session->query_safe(q{SET client_min_messages = error; SET vseg.fault_point = 'merge-read:error'});
insert(30001 + 300 * $_, 30300 + 300 * $_) foreach 0 .. 4;
$session->query_safe(q{SET vseg.fault_point = ''; RESET client_min_messages});
no_row_is_lost('failed');

# Nobody seals where the user wants nobody to.
$session->query_safe('SET vseg.tail_seal_rows = 0');
$before = sealed();
insert(40001, 43000);
is(sealed(), $before, '0: never');
no_row_is_lost('never sealed');

is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'vseg worker'}), 0,
	'there are no workers');
$session->quit;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|corrupt|leak|terminated by signal/, 'nothing crashed, nothing leaked');
$node->stop;
done_testing();
