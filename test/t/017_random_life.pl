# A random mix of everything that changes an index: after each step it returns what a sequential
# scan returns. VSEG_SEED repeats a run.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

my $seed = $ENV{VSEG_SEED} || time;
srand($seed);
diag("VSEG_SEED=$seed");

my $node = start_cluster('primary');
create_items($node, 'items', rows => 300);
my $session = $node->background_psql('postgres', on_error_stop => 0);    # a compaction is cancelled
# Held open for some of the steps, so that space is not freed at once.
my $reader = $node->background_psql('postgres');
my $reading = 0;
my $next_id = 1000;

sub rows
{
	my ($count) = @_;
	my $first = $next_id;
	$next_id += $count;
	return "INSERT INTO items SELECT i, vector_of(i) FROM generate_series($first, $next_id - 1) i";
}

sub some
{
	return 'WHERE id % ' . (3 + int(rand(12))) . ' = ' . int(rand(3));
}

my %steps = (
	insert => sub { rows(1 + int(rand(120))) },
	copy => sub { 'SET vseg.memtable_size = 64; ' . rows(300) . '; RESET vseg.memtable_size' },
	delete => sub { 'DELETE FROM items ' . some() },
	update => sub { 'UPDATE items SET embedding = vector_of(-id - ' . int(rand(1000)) . ') ' . some() },
	rollback => sub { 'BEGIN; ' . rows(40) . '; DELETE FROM items ' . some() . '; ROLLBACK' },
	savepoint => sub {
		'BEGIN; ' . rows(20) . '; SAVEPOINT a; ' . rows(30) . q{; SELECT disagreements('items'); }
		  . 'ROLLBACK TO a; ' . rows(10) . '; SAVEPOINT b; ' . rows(5) . '; RELEASE b; COMMIT';
	},
	flushed_rollback => sub {
		'BEGIN; ' . rows(50) . q{; SELECT disagreements('items'); ROLLBACK};
	},
	vacuum => sub { 'VACUUM items' },
	free => sub { 'SELECT txid_current(); VACUUM items' },
	compact => sub { q{CALL vseg_compact('items_idx')} },
	small_compact => sub { q{SET maintenance_work_mem = '1MB'; CALL vseg_compact('items_idx'); }
		  . 'RESET maintenance_work_mem' },
	cancelled_compact => sub { q{SET statement_timeout = '} . (1 + int(rand(150))) . q{ms'; CALL vseg_compact('items_idx'); RESET statement_timeout} },
	reindex => sub { !$reading && int(rand(4)) == 0 ? 'REINDEX INDEX items_idx' : 'ANALYZE items' },
	reader => sub { undef });
my @names = sort keys %steps;
my @weighted = (@names, ('insert') x 3, ('delete') x 2, ('compact') x 3, ('free') x 2);

my @done;
foreach my $number (1 .. 150)
{
	my $name = $weighted[ int(rand(@weighted)) ];
	push @done, $name;
	if ($name eq 'reader')
	{
		$reader->query_safe($reading
			? 'COMMIT'
			: 'SET enable_seqscan = off; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM items');
		$reading = !$reading;
		next;
	}
	my $statements = $steps{$name}->();
	$session->query($statements);
	$session->{stderr} = '';    # of a cancelled statement
	my $found = $session->query_safe(q{SELECT disagreements('items')});
	if ($reading && $found =~ /^\s*$/)
	{
		$found = $reader->query_safe(q{SELECT compare_answers('items', 3, 10)});
	}
	next if $found =~ /^\s*$/;
	is($found, '', "step $number, seed $seed: " . join(' ', @done));
	last;
}
is(scalar(@done), 150, '150 random steps leave the index right');
is($node->safe_psql('postgres', q{SELECT count(*) FROM vseg_segments('items_idx') s
  WHERE rows < dead_rows}), 0, 'no member has more dead rows than rows');
$session->quit;
$reader->quit;
unlike(slurp_file($node->logfile), qr/PANIC|corrupt|leak/, 'nothing is damaged');
$node->stop;
done_testing();
