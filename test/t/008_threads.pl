# Only a build has threads, and only while it runs.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

plan skip_all => 'no /proc here' unless -d "/proc/$$/task";

my $node = start_cluster('primary');
my $session = $node->background_psql('postgres');
my $pid = $session->query_safe('SELECT pg_backend_pid()');
is(threads_of($pid), 1, 'a backend has one thread');
$session->query_safe(q{LOAD 'vseg'});
is(threads_of($pid), 1, 'a backend that loaded vseg has one thread');

$session->query_safe('CREATE TABLE items (id int, embedding vector(32))');
$session->query_safe('INSERT INTO items SELECT i, vector_of(i, 32) FROM generate_series(1, 6000) i');
$session->query_safe(q{SET maintenance_work_mem = '256MB'});
chomp(my $processors = `nproc`);

sub smallest { my ($a, $b) = @_; return $a < $b ? $a : $b; }

# Threads that the session has at most while it builds the index.
sub threads_of_build
{
	my ($name) = @_;
	$session->query_until(qr/started/, <<"SQL");
\\echo started
CREATE INDEX $name ON items USING vseg (embedding) WITH (m = 16, ef_construction = 200);
\\echo finished
SQL
	my $most = 1;
	while ($node->safe_psql('postgres', qq{SELECT count(*) FROM pg_class WHERE relname = '$name'}) == 0)
	{
		my $threads = threads_of($pid);
		$most = $threads if $threads > $most;
	}
	$session->query_until(qr/finished/, '');
	return $most;
}

# The backend's own thread waits for the workers and answers interrupts.
$session->query_safe('SET max_parallel_maintenance_workers = 3');
is(threads_of_build('items_idx'), 1 + smallest(4, $processors),
	'CREATE INDEX works with max_parallel_maintenance_workers + 1 threads, and its own');
$session->query_safe('SET max_parallel_workers = 0');
is(threads_of_build('few_idx'), 2, 'but no more than max_parallel_workers allows');
$session->query_safe('SET max_parallel_maintenance_workers = 1024; SET max_parallel_workers = 1024');
cmp_ok(threads_of_build('many_idx'), '<=', 1 + $processors, 'and no more than there are processors');
$session->query_safe('DROP INDEX few_idx, many_idx; RESET max_parallel_workers');
is(threads_of($pid), 1, 'a backend has one thread again after CREATE INDEX');

$session->query_safe('INSERT INTO items VALUES (0, vector_of(0, 32))');
$session->query_safe('SET enable_seqscan = off');
is($session->query_safe('SELECT id FROM items ORDER BY embedding <-> vector_of(0, 32) LIMIT 1'),
	0, 'the index is searched');
is(threads_of($pid), 1, 'a backend that inserted and searched has one thread');

$session->query_safe('SET max_parallel_maintenance_workers = 0');
$session->query_safe('REINDEX INDEX items_idx');
is(threads_of($pid), 1, 'a backend has one thread after REINDEX without workers');

$session->quit;
$node->stop;
done_testing();
