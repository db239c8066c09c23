# Too little memory, too little disk.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

# Small WAL files, so that a limit on the size of files spares them.
my $node = start_cluster('primary', init => [ extra => ['--wal-segsize=1'] ]);

# A build of more rows than memory holds makes several segments, at most 32, and appends the rest.
my $build = <<'SQL';
SET maintenance_work_mem = '1MB';
CREATE INDEX items_idx ON items USING vseg (embedding)
SQL
my $segments = q{SELECT count(*) FROM vseg_segments('items_idx') WHERE kind = 'graph segment'};
create_items($node, 'items', rows => 12000, index => 0);
my ($status, $output, $warnings) = $node->psql('postgres', $build);
is($status, 0, 'CREATE INDEX succeeds with maintenance_work_mem = 1MB');
like($warnings,
	qr/^psql:\S+ NOTICE:  vseg index "items_idx" has \d+ segments.*to about \d+MB and REINDEX the index\.$/s,
	'several segments are no reason for a warning, but a notice says so, and what to do');
cmp_ok($node->safe_psql('postgres', $segments), '>', 2, 'several segments were built');
is(rows_in_tail($node, 'items_idx'), 0, 'all rows are in graphs');
index_agrees($node, 'items', 'the index of several segments agrees');
$node->safe_psql('postgres', 'DELETE FROM items WHERE id % 3 = 0; VACUUM items');
insert_items($node, 'items', 20001, 24000);
index_agrees($node, 'items', 'the index of several segments agrees after VACUUM and inserts');

$node->safe_psql('postgres', 'DROP INDEX items_idx; TRUNCATE items');
insert_items($node, 'items', 1, 40000);
# Appending meets contended tails, and yet lists no chains in an index that nobody else sees.
($status, $output, $warnings) = $node->psql('postgres', "LOAD 'vseg';
  SET vseg.fault_point = 'tail-contended';
  $build WITH (m = 100, ef_construction = 200)");
is($status, 0, 'CREATE INDEX succeeds with more rows than 32 segments hold');
like($warnings, qr/WARNING:  maintenance_work_mem is too small.*rows are searched one by one.*REINDEX/s,
	'a warning says that rows are searched one by one, and what to do');
is($node->safe_psql('postgres', $segments), 32, 'there are 32 segments');
cmp_ok(rows_in_tail($node, 'items_idx'), '>', 0, 'further rows are in the tail');
is($node->safe_psql('postgres', q{SELECT sum(rows) FROM vseg_segments('items_idx')}),
	40000, 'every row is in the index');
my $chains = q{SELECT count(*) FROM vseg_segments('items_idx') WHERE kind = 'append chain'};
my $numbers = q{SELECT count(*) - count(DISTINCT segment_id) FROM vseg_segments('items_idx')};
is($node->safe_psql('postgres', $chains), 1, 'further rows are in one chain');
is($node->safe_psql('postgres', $numbers), 0, 'each member has a number of its own');
$node->safe_psql('postgres', "LOAD 'vseg';
  SET vseg.fault_point = 'tail-contended';
  INSERT INTO items VALUES (40001, vector_of(40001));
  INSERT INTO items VALUES (40002, vector_of(40002))");
is($node->safe_psql('postgres', $chains), 2, 'contended inserters list a chain');
is($node->safe_psql('postgres', $numbers), 0, 'each member still has a number of its own');
$node->safe_psql('postgres', 'DROP TABLE items');

# A full disk, played by a limit on the size of files: writes beyond it fail.
SKIP:
{
	my ($prlimit) = grep { -x $_ } ('/usr/bin/prlimit', '/bin/prlimit');
	skip 'no prlimit here', 8 if !defined $prlimit;
	my $postmaster = (split(/\n/, slurp_file($node->data_dir . '/postmaster.pid')))[0];
	my $limit = sub {
		system_or_bail($prlimit, '--pid', $postmaster, "--fsize=$_[0]:unlimited");
	};
	create_items($node, 'items', rows => 4000, index => 0);
	create_items($node, 'filled', rows => 100);

	$limit->(3 * 1024 * 1024);
	my $error = sql_error($node,
		'CREATE INDEX items_idx ON items USING vseg (embedding) WITH (m = 100, ef_construction = 200)');
	like($error, qr/ERROR: .*could not (extend|write)/, 'CREATE INDEX fails when the disk is full');
	is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_class WHERE relname = 'items_idx'}),
		0, 'no index is left');

	my @errors;
	foreach my $i (1 .. 40)
	{
		# The rows of the table are narrower than those of the index by a third.
		my $first = $i * 10000;
		$error = sql_error($node, 'INSERT INTO filled SELECT i, vector_of(i) '
			  . "FROM generate_series($first, $first + 1999) i");
		push @errors, $error if $error ne '';
		last if @errors == 2;
	}
	is(scalar(@errors), 2, 'inserts fail when the disk is full');
	is(scalar(grep { !/could not (extend|write)/ } @errors), 0, 'they say why');
	index_agrees($node, 'filled', 'the index agrees after failed inserts');

	$limit->('unlimited');
	$node->safe_psql('postgres', 'VACUUM filled');
	insert_items($node, 'filled', 1000001, 1003000);
	index_agrees($node, 'filled', 'the index agrees after VACUUM and inserts with room again');
	$node->safe_psql('postgres',
		'CREATE INDEX items_idx ON items USING vseg (embedding) WITH (m = 8)');
	index_agrees($node, 'items', 'CREATE INDEX works with room again');
	unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal/, 'no backend crashed');
}

$node->stop;
done_testing();
