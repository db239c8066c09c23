# A directory full of segments gets room again: by inserters where no background worker is to be
# had, by workers else.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

# Inserters alone make segments of up to 16 * 20 rows.
my $node = start_cluster(
	'primary',
	conf => <<'CONF');
max_worker_processes = 1    # which the logical replication launcher takes
vseg.tail_seal_rows = 20
vseg.tail_slowdown_rows = 40
vseg.tail_stop_rows = 80
CONF

sub value
{
	my ($what, $kinds) = @_;
	return $node->safe_psql('postgres',
		"SELECT coalesce($what, 0) FROM vseg_segments('items_idx') WHERE kind IN ($kinds)");
}
sub segments { return value('count(*)', q{'graph segment'}) }
sub tail { return value('sum(rows)', q{'append chain', 'flat run'}) }

# 1000 rows in transactions of ten.
sub insert_thousand
{
	my ($first) = @_;
	$node->safe_psql('postgres', <<"SQL");
DO \$\$
BEGIN
  FOR i IN $first .. $first + 99 LOOP
    INSERT INTO items SELECT i * 10 + j, vector_of(i * 10 + j) FROM generate_series(0, 9) j;
    COMMIT;
  END LOOP;
END
\$\$
SQL
	return;
}

create_items($node, 'items');
my ($most, $longest) = (0, 0);
foreach my $thousand (0 .. 24)
{
	insert_thousand($thousand * 100);
	$most = segments() if segments() > $most;
	$longest = tail() if tail() > $longest;
}
cmp_ok($most, '>=', 60, 'the directory has been full');
cmp_ok($longest, '<=', 200, 'the tail was sealed nevertheless');
index_agrees($node, 'items', 'the index agrees');

# With a worker, it leaves room to list chains and runs in, though no tier is full.
$node->safe_psql('postgres', 'ALTER SYSTEM SET max_worker_processes = 4');
$node->safe_psql('postgres', 'ALTER INDEX items_idx SET (merge_factor = 32)');
$node->restart;
cmp_ok(segments(), '>', 48, 'the directory is nearly full');
$node->safe_psql('postgres', 'VACUUM items');
wait_until($node, q{SELECT count(*) <= 48 FROM vseg_segments('items_idx')}, 'a worker makes room');
index_agrees($node, 'items', 'the index agrees after that');
is($node->safe_psql('postgres', q{SELECT sum(rows) FROM vseg_segments('items_idx')}), 25000, 'no row is lost');

# Where as many segments as there may be are each as large as memory allows, jobs take more memory,
# and the server's log says how much.
$node->safe_psql('postgres', <<'SQL');
ALTER SYSTEM SET maintenance_work_mem = '1MB';
ALTER SYSTEM SET vseg.tail_seal_rows = 500;
ALTER SYSTEM SET vseg.tail_slowdown_rows = 100000;
ALTER SYSTEM SET vseg.tail_stop_rows = 200000;
SQL
$node->restart;
create_items($node, 'large');
$most = 0;
foreach my $part (0 .. 24)
{
	$node->safe_psql('postgres', <<"SQL");
DO \$\$
BEGIN
  FOR i IN $part * 10 .. $part * 10 + 9 LOOP
    INSERT INTO large SELECT i * 1000 + j, vector_of(i * 1000 + j) FROM generate_series(0, 999) j;
    COMMIT;
  END LOOP;
END
\$\$
SQL
	my $members = $node->safe_psql('postgres', q{SELECT count(*) FROM vseg_segments('large_idx')});
	$most = $members if $members > $most;
}
cmp_ok($most, '>', 48, 'the directory has been nearly full of segments as large as memory allows');
$node->safe_psql('postgres', 'VACUUM large');
wait_until(
	$node,
	q{SELECT sum(rows) FILTER (WHERE kind <> 'graph segment') < 500 FROM vseg_segments('large_idx')},
	'the tail is sealed all the same');
like(slurp_file($node->logfile), qr/a job on vseg index "large_idx" takes up to \d+MB, more than maintenance_work_mem/,
	'the log says what memory that takes');
is($node->safe_psql('postgres', q{SELECT failures FROM vseg_stats('large_idx') WHERE cause = 'seal'}), 0, 'no seal has failed');
index_agrees($node, 'large', 'the index agrees');

$node->stop;
done_testing();
