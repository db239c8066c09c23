# Memory of long statements does not grow with their rows.
use strict;
use warnings;

use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use VsegTest;

plan skip_all => 'no /proc here' unless -r '/proc/self/status';

my $node = start_cluster('primary', conf => "shared_buffers = 64MB\nvseg.memtable_size = '1MB'");

# Private memory of a process, in kB.
sub private_kb
{
	my ($pid) = @_;
	my ($kb) = slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB/m;
	return $kb;
}

# A process that watches a backend until it is told to end; returns how to tell it, which gives the
# most that it has seen.
sub watch_memory
{
	my ($pid) = @_;
	pipe(my $from_watcher, my $to_parent) or die "pipe: $!";
	pipe(my $from_parent, my $to_watcher) or die "pipe: $!";
	my $watcher = fork();
	die "fork: $!" if !defined $watcher;
	if ($watcher == 0)
	{
		close($to_watcher);
		my $most = 0;
		my $ready = '';
		do
		{
			my $now = private_kb($pid);
			$most = $now if $now > $most;
			vec($ready = '', fileno($from_parent), 1) = 1;
		} until select($ready, undef, undef, 0.01);
		syswrite($to_parent, "$most\n");
		POSIX::_exit(0);
	}
	close($to_parent);
	close($from_parent);
	return sub {
		close($to_watcher);
		my $most = <$from_watcher>;
		waitpid($watcher, 0);
		return $most;
	};
}

# Statements in a session of their own, where malloc has kept no memory of others: on few rows
# first, for caches and the like, then on many. A leak of a vector for each row or search would be
# `leak_mb` in all.
sub is_flat
{
	my ($what, $leak_mb, $few, $many) = @_;
	my $session = $node->background_psql('postgres');
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	$session->query_safe($few);
	my $before = private_kb($pid);
	my $stop = watch_memory($pid);
	$session->query_safe($many);
	my $grown = ($stop->() - $before) / 1024;
	$session->quit;
	cmp_ok($grown, '<', $leak_mb / 3, "$what: flat");
	note(sprintf('%s: %.1f MB', $what, $grown));
	return;
}

# 100 vectors of 1,536 dimensions, 6 kB each.
$node->safe_psql('postgres', q{CREATE TABLE samples AS
  SELECT i AS id, vector_of(i, 1536)::vector(1536) AS embedding FROM generate_series(1, 100) i});
my $rows = sub {
	return "SELECT i AS id, embedding FROM generate_series(1, $_[0]) i, samples s
	  WHERE s.id = i % 100 + 1";
};

foreach my $opclass ('vector_l2_ops', 'vector_cosine_ops')
{
	$node->safe_psql('postgres', "SET client_min_messages = warning;
	  DROP TABLE IF EXISTS items;
	  CREATE TABLE items (id int, embedding vector(1536), note int) WITH (fillfactor = 100);
	  CREATE INDEX items_idx ON items USING vseg (embedding $opclass)");
	is_flat("INSERT ... SELECT, $opclass", 48,
		"INSERT INTO items " . $rows->(500), "INSERT INTO items " . $rows->(8000));
	is_flat("UPDATE of another column, $opclass", 36,
		'UPDATE items SET note = 1 WHERE id <= 100',
		'UPDATE items SET note = 2 WHERE id <= 6000');
	is_flat("VACUUM, $opclass", 24, 'SELECT 1', 'DELETE FROM items WHERE id > 4000; VACUUM items');
}

my %file = (few => 100, many => 6000);
foreach my $name (sort keys %file)
{
	my $path = $node->basedir . "/$name";
	$node->safe_psql('postgres', "COPY (SELECT i, embedding, 0 FROM generate_series(1, $file{$name}) i,
	  samples s WHERE s.id = i % 100 + 1) TO '$path' (FORMAT binary)");
	$file{$name} = "COPY items FROM '$path' (FORMAT binary)";
}
is_flat('COPY', 36, $file{few}, $file{many});

# Rows that are written at once.
$node->safe_psql('postgres', q{CREATE TABLE unique_items (id int PRIMARY KEY, embedding vector(1536));
  CREATE INDEX ON unique_items USING vseg (embedding vector_cosine_ops)});
is_flat('INSERT ... ON CONFLICT', 36,
	'INSERT INTO unique_items ' . $rows->(100) . ' ON CONFLICT DO NOTHING',
	'INSERT INTO unique_items ' . $rows->(6000) . ' ON CONFLICT DO NOTHING');

# Many searches in one statement: one for each outer row.
$node->safe_psql('postgres', q{CREATE TABLE targets (id int, embedding vector(1536));
  INSERT INTO targets SELECT * FROM samples;
  CREATE INDEX ON targets USING vseg (embedding vector_cosine_ops)});
my $by_index = 'SET enable_seqscan = off; SET enable_memoize = off;';
my $searches = sub {
	my ($query, $times) = @_;
	return "SELECT count(n.id) FROM generate_series(1, $times) i, LATERAL (SELECT id FROM targets
	  ORDER BY embedding <=> (SELECT $query FROM samples WHERE id = i % 100 + 1) LIMIT 1) n";
};
like($node->safe_psql('postgres', "$by_index EXPLAIN " . $searches->('embedding', 10)), qr/Index Scan using targets/,
	'each outer row searches the index');
foreach my $query ('embedding', 'embedding - embedding', 'NULLIF(embedding, embedding)')
{
	is_flat("searches for $query", 36, $by_index . $searches->($query, 200), $searches->($query, 6000));
}

# What reads every row of a table or an index. Small segments, of a megabyte each.
my $set = q{SET client_min_messages = warning; SET maintenance_work_mem = '1MB'; SET work_mem = '1MB'; SET vseg.tail_seal_rows = 0;};
my $compact = "$set CALL vseg_compact('items_idx')";
is_flat('vseg_compact', 36, 'SELECT 1', $compact);
$node->safe_psql('postgres', 'TRUNCATE items; INSERT INTO items ' . $rows->(6000));
is_flat('REINDEX', 36, 'SELECT 1', "$set REINDEX INDEX items_idx");
is_flat('aggregates', 36, 'SELECT avg(embedding) FROM samples',
	'SELECT avg(embedding), sum(embedding), max(embedding <=> embedding) FROM items');
is_flat('casts', 36, 'SELECT 1',
	'SELECT max(vector_norm(embedding::real[]::vector(1536))) FROM items');
is_flat('a sort', 36, 'SELECT 1', "$set SELECT count(*) FROM (SELECT id FROM items ORDER BY embedding OFFSET 0) s");

# Rows of an index that is rebuilt in the same transaction cannot come back, but by ROLLBACK TO.
$node->safe_psql('postgres', q{
  CREATE TABLE rebuilt (id int, embedding vector(1536)); CREATE INDEX ON rebuilt USING vseg (embedding)});
my $rebuild = 'INSERT INTO rebuilt ' . $rows->(1000) . ';';
my $once = "BEGIN; $rebuild TRUNCATE rebuilt; COMMIT";
# Those that ROLLBACK TO may bring back count: the limit bounds them and live ones together.
$set = q{SET vseg.memtable_size = '16MB';};
is_flat('TRUNCATE after INSERT, in nested subtransactions', 120, "$set $once",
	'BEGIN; ' . "SAVEPOINT s; $rebuild SAVEPOINT t; TRUNCATE rebuilt; " x 20 . 'COMMIT');
$set = q{SET vseg.memtable_size = '64MB';};
is_flat('TRUNCATE after INSERT, in one transaction', 66, "$set $once",
	'BEGIN; ' . "$rebuild TRUNCATE rebuilt; " x 12 . 'COMMIT');
is_flat('TRUNCATE after INSERT, in subtransactions', 66, "$set $once",
	'BEGIN; ' . "SAVEPOINT s; $rebuild TRUNCATE rebuilt; RELEASE s; " x 12 . 'COMMIT');

$node->stop;
done_testing();
