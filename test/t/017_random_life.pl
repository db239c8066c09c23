# A random mix of everything that changes an index, on a primary and its standby: after each step both
# return what a sequential scan returns. The mix is the same every time: VSEG_SEED makes
# another, VSEG_STEPS a longer one.
#
# Addresses of dead rows are reused all the time: the table is small, and VACUUM runs often.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use VsegTest;

my $seed = $ENV{VSEG_SEED} || 7;
my $steps = $ENV{VSEG_STEPS} || 150;
srand($seed);
diag("VSEG_SEED=$seed");
# Few, whose rows have no codes, or many.
my $dims = $seed % 3 == 0 ? 128 : 8;

my $primary = start_cluster(
	'primary',
	init => [ allows_streaming => 1 ],
	conf => "wal_consistency_checking = 'all'\nwal_keep_size = 512MB\nmax_worker_processes = 4");
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "max_standby_streaming_delay = '100ms'");
$standby->start;

create_items($primary, 'items', rows => 300, dims => $dims);
$primary->safe_psql('postgres', 'CREATE UNIQUE INDEX items_id ON items (id)');

# `session` takes the steps. `other` has a transaction open for some of them, `reader` a snapshot, so
# that space is not freed at once, and `replica` one on the standby.
sub connect_to
{
	my ($node) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->set_query_timer_restart;
	return $session;
}
my ($session, $other, $reader) = map { connect_to($primary) } 1 .. 3;
my ($watcher, $replica) = map { connect_to($standby) } 1 .. 2;
my ($writing, $prepared, $reading, $replicating) = (0, 0, 0, 0);
my $next_id = 1000;
my $dir = PostgreSQL::Test::Utils::tempdir;

sub one_of { return $_[ int(rand(@_)) ] }

sub rows
{
	my ($count) = @_;
	my $first = $next_id;
	$next_id += $count;
	return "INSERT INTO items SELECT i, vector_of(i, $dims) FROM generate_series($first, $next_id - 1) i";
}

sub some
{
	return 'WHERE id % ' . (3 + int(rand(12))) . ' = ' . int(rand(3));
}

sub update { 'UPDATE items SET embedding = vector_of(-id - ' . int(rand(1000)) . ", $dims) " . some() }

sub copied_rows
{
	my ($count) = @_;
	my $file = "$dir/rows_$next_id";
	my $lines = '';
	$lines .= $next_id++ . "\t[" . join(',', map { int(rand(1024)) } 1 .. $dims) . "]\n" foreach 1 .. $count;
	append_to_file($file, $lines);
	return "COPY items FROM '$file'";
}

sub upsert
{
	# Conflicts with rows of the first ones only: those of open transactions would have it wait.
	my $first = 1 + int(rand(270));
	return rows(10) . " UNION ALL SELECT i, vector_of(i + 7, $dims) FROM generate_series($first, $first + 30) i "
	  . 'ON CONFLICT (id) DO UPDATE SET embedding = excluded.embedding';
}

# What changes a transaction's rows, for transactions of many statements.
sub change { one_of(sub { rows(1 + int(rand(30))) }, sub { 'DELETE FROM items ' . some() }, \&update,
	\&upsert, sub { copied_rows(20) }, sub { q{SELECT disagreements('items', 2)} })->() }

# A transaction in which savepoints are released and rolled back to at random.
sub nested
{
	my @statements = ('BEGIN', change());
	my @savepoints;
	foreach my $number (1 .. 3 + int(rand(6)))
	{
		if (@savepoints && rand() < 0.3)
		{
			push @statements, one_of('RELEASE', 'ROLLBACK TO') . ' ' . $savepoints[-1];
			pop @savepoints if $statements[-1] =~ /RELEASE/;
		}
		else
		{
			push @savepoints, "s$number";
			push @statements, "SAVEPOINT s$number";
		}
		push @statements, change();
	}
	return join(";\n", @statements, one_of('COMMIT', 'COMMIT', 'ROLLBACK'));
}

# Failing on purpose, where compaction, appending and VACUUM can.
my @faults = qw(append-begin append-vectors append-entries append-codes append-linked freeze-begin
  chain-frozen run-closed merge-read merge-built merge-claimed merge-writing merge-written
  merge-carried merge-published merge-stamped vacuum-marked vacuum-published reclaim-logged
  reclaim-released sweep-found sweep-released);

# Faster than sealing: rows overflow into runs, a worker seals, the inserter is slowed down or helps.
my $hurry = q{SET vseg.tail_seal_rows = 60; SET vseg.tail_slowdown_rows = 200; SET vseg.tail_stop_rows = 900;
  SET vseg.memtable_size = 64; };
my $calm = q{RESET vseg.tail_seal_rows; RESET vseg.tail_slowdown_rows; RESET vseg.tail_stop_rows;
  RESET vseg.memtable_size};

sub hurried { return $hurry . $_[0] . '; ' . $calm }

sub broken
{
	my $fault = one_of(@faults) . ':' . one_of('error', 'out_of_memory', 'disk_full');
	my $statement = one_of(q{CALL vseg_compact('items_idx')}, 'VACUUM items', rows(300),
		'SET vseg.tail_seal_rows = 20; VACUUM items', $hurry . rows(500));
	return "SET vseg.fault_point = '$fault';\n$statement;\nRESET vseg.fault_point; $calm";
}

# Under which the table cannot be locked against everybody else.
sub in_use { return $writing || $prepared || $reading }

my %steps = (
	insert => sub { rows(1 + int(rand(120))) },
	copy => sub { copied_rows(1 + int(rand(100))) },
	overflow => sub { 'SET vseg.memtable_size = 64; ' . rows(3000) . '; RESET vseg.memtable_size; '
		  . 'DELETE FROM items WHERE id > ' . ($next_id - 2900) },
	hurried => sub { hurried(rows(2000)) . '; DELETE FROM items WHERE id > ' . ($next_id - 1950) },
	delete => sub { 'DELETE FROM items ' . some() },
	reuse => sub { 'DELETE FROM items ' . some() . '; VACUUM items; ' . rows(100) },
	update => \&update,
	upsert => \&upsert,
	rollback => sub { 'BEGIN; ' . rows(40) . '; ' . change() . '; ROLLBACK' },
	nested => \&nested,
	vacuum => sub { 'VACUUM items' },
	free => sub { 'SELECT txid_current(); VACUUM items' },
	seal => sub { 'SET vseg.tail_seal_rows = 20; VACUUM items; RESET vseg.tail_seal_rows' },
	compact => sub { q{CALL vseg_compact('items_idx')} },
	small_compact => sub { q{SET maintenance_work_mem = '1MB'; CALL vseg_compact('items_idx'); }
		  . 'RESET maintenance_work_mem' },
	cancelled_compact => sub { q{SET statement_timeout = '} . (1 + int(rand(150)))
		  . q{ms'; CALL vseg_compact('items_idx'); RESET statement_timeout} },
	broken => \&broken,
	reindex => sub { in_use() ? undef : one_of('REINDEX INDEX items_idx', 'REINDEX INDEX CONCURRENTLY items_idx',
		'VACUUM FULL items', 'BEGIN; REINDEX INDEX items_idx; ' . rows(20) . '; ROLLBACK') },
	truncate => sub { in_use() || rand() < 0.5 ? undef : one_of('BEGIN; TRUNCATE items; ' . rows(50) . '; ROLLBACK',
		'TRUNCATE items; ' . rows(200),
		'BEGIN; ' . rows(10) . '; TRUNCATE items; ' . rows(150) . '; COMMIT',
		'BEGIN; ' . rows(10) . '; SAVEPOINT a; TRUNCATE items; ' . rows(20) . '; ROLLBACK TO a; ' . rows(5) . '; COMMIT') },
	crash => \&crash,
	prepare => \&prepare_or_end,
	other => \&write_elsewhere,
	reader => \&read_or_end,
	replica => \&replicate_or_end);
my %may_fail = map { $_ => 1 } qw(cancelled_compact broken);

# A prepared transaction, with rows of its own, that is committed or rolled back steps later.
sub prepare_or_end
{
	if ($prepared)
	{
		$prepared = 0;
		return one_of('COMMIT PREPARED', 'ROLLBACK PREPARED') . q{ 'prepared'};
	}
	$prepared = 1;
	return 'BEGIN; ' . rows(30) . '; SAVEPOINT a; ' . rows(10) . '; ROLLBACK TO a; ' . rows(10)
	  . q{; PREPARE TRANSACTION 'prepared'};
}

# A transaction whose rows wait in its memory, or are rolled back, while VACUUM and others go on.
sub write_elsewhere
{
	if (!$writing)
	{
		$other->query_safe('BEGIN; ' . rows(20) . '; SAVEPOINT a; ' . rows(40));
		$writing = 1;
	}
	elsif ($writing == 1)
	{
		$other->query_safe('ROLLBACK TO a; ' . rows(10));
		$writing = 2;
	}
	else
	{
		$other->query_safe(one_of('COMMIT', 'ROLLBACK'));
		$writing = 0;
	}
	return;
}

# A snapshot and a scan under it. The rows that the scan must return are known when it begins.
my $open = qq{BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL enable_seqscan = off;
  SET LOCAL enable_sort = off; SET LOCAL vseg.iterative_scan = relaxed_order;
  DECLARE c CURSOR FOR SELECT id FROM items ORDER BY embedding <-> vector_of(-3, $dims);
  FETCH 5 FROM c};
my $expected = q{SELECT array(SELECT id FROM items ORDER BY id)};

sub exactly
{
	my ($session) = @_;
	return $session->query_safe("SET LOCAL enable_indexscan = off;\n$expected;\nSET LOCAL enable_indexscan = on");
}

# Begins a scan; returns the rows that it must return, less the five that it has returned.
sub begin_scan
{
	my ($session) = @_;
	my @first = $session->query_safe($open) =~ /\d+/g;
	my %rows = map { $_ => 1 } exactly($session) =~ /\d+/g;
	delete @rows{@first};
	return \%rows;
}

sub end_scan
{
	my ($found, $rows, $what) = @_;
	my %missing = %$rows;
	my @wrong = grep { !delete $missing{$_} } $found =~ /\d+/g;
	is("@wrong; " . join(' ', keys %missing), '; ', "$what returns the rows there were when it began")
	  if @wrong || %missing;
	return;
}

# Prepared transactions outlive it.
sub crash
{
	$primary->stop('immediate');
	$_->{run}->finish foreach ($session, $other, $reader);
	$primary->start;
	($session, $other, $reader) = map { connect_to($primary) } 1 .. 3;
	($writing, $reading) = (0, 0);
	return;
}

my ($rows_of_reader, $rows_of_replica);

sub read_or_end
{
	$reading = !$reading;
	if ($reading)
	{
		$rows_of_reader = begin_scan($reader);
		return;
	}
	end_scan($reader->query_safe('FETCH ALL FROM c'), $rows_of_reader, 'a scan');
	$reader->query_safe('COMMIT');
	return;
}

my ($cancelled, $completed) = (0, 0);

# Replay may cancel it; what it returns is right.
sub replicate_or_end
{
	$replicating = !$replicating;
	if ($replicating)
	{
		catch_up();
		$rows_of_replica = begin_scan($replica);
		return;
	}
	# psql ends with its connection.
	my $found = eval { $replica->query('FETCH ALL FROM c') };
	if (defined $found && $replica->{stderr} eq '')
	{
		$completed++;
		end_scan($found, $rows_of_replica, 'a scan on the standby');
		$replica->query_safe('COMMIT');
		return;
	}
	like($replica->{stderr}, qr/conflict with recovery/, 'a scan on the standby may be cancelled');
	$cancelled++;
	eval { $replica->quit };
	$replica = connect_to($standby);
	return;
}

sub catch_up
{
	# A commit has the WAL before it sent at once.
	$session->query_safe(q{SELECT pg_logical_emit_message(true, 'vseg', 'catch up')});
	my $lsn = $session->query_safe('SELECT pg_current_wal_insert_lsn()');
	foreach my $try (1 .. 1800)
	{
		return if $watcher->query_safe("SELECT pg_last_wal_replay_lsn() >= '$lsn'") =~ /t/;
		usleep(20_000);
	}
	die 'the standby does not catch up';
}

# Empty, or how primary or standby are wrong.
sub disagreement
{
	my ($number) = @_;
	my $found = $session->query_safe(q{SELECT disagreements('items', 4)});
	return $found if $found !~ /^\s*$/ || $number % 3 != 0;
	catch_up();
	foreach my $try (1 .. 20)
	{
		$found = $watcher->query(q{SELECT disagreements('items', 3)});
		last if $watcher->{stderr} eq '';
		# Cancelled by replay, which is allowed; nothing is written meanwhile.
		return $watcher->{stderr} if $watcher->{stderr} !~ /conflict with recovery/;
		$watcher->{stderr} = '';
	}
	return $found =~ /^\s*$/ ? '' : "standby: $found";
}

my @names = sort keys %steps;
my @weighted = (@names, ('insert') x 2, ('delete') x 2, ('compact') x 3, ('free') x 3, ('seal') x 2,
	('other') x 2, ('reuse') x 2, ('nested') x 2, ('replica') x 2);
my @done;
while (@done < $steps)
{
	my $name = one_of(@weighted);
	push @done, $name;
	my $statements = $steps{$name}->();
	$session->query($statements) if defined $statements;
	my $errors = join("\n", $session->{stderr} =~ /^.*(?:ERROR|FATAL):.*$/mg);
	$errors = '' if $may_fail{$name};
	# Space that an old transaction keeps from being reused fills the list of it.
	$errors =~ s/^.*directory of vseg index .* has no room$//mg if in_use();
	$session->{stderr} = '';
	my $found = $errors . disagreement(scalar(@done));
	next if $found =~ /^\s*$/;
	is($found, '', 'step ' . @done . ", seed $seed: @done; last: " . ($statements // ''));
	last;
}
is(scalar(@done), $steps, "$steps random steps leave the index right");
diag("scans on the standby: $completed right, $cancelled cancelled");

# The end: nothing is left over.
$other->query('ROLLBACK');
$reader->query('ROLLBACK');
eval { $replica->query('ROLLBACK') };    # it may have been cancelled
$session->query(q{ROLLBACK PREPARED 'prepared'}) if $prepared;
$session->{stderr} = '';
wait_until($primary, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'vseg worker'},
	'workers are done');
$session->query_safe($_)
  foreach ('VACUUM items', q{CALL vseg_compact('items_idx')}, 'SELECT txid_current()', 'VACUUM items');
is($session->query_safe(q{SELECT sum(rows - dead_rows) FROM vseg_segments('items_idx')}),
	$session->query_safe('SELECT count(*) FROM items'), 'the index has the rows of the table, each once');
is(leaked_extents($primary, 'items_idx'), 0, 'no space is leaked');
catch_up();
is($watcher->query_safe(q{SELECT disagreements('items')}) =~ s/\s//gr, '', 'the standby agrees in the end');
$_->quit foreach ($session, $other, $reader, $watcher);
eval { $replica->quit };
unlike(slurp_file($_->logfile), qr/PANIC|TRAP|corrupt|leak|inconsistent page|terminated by signal/,
	'nothing is damaged')
  foreach ($primary, $standby);
$standby->stop;
$primary->stop;
done_testing();
