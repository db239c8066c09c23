# Groups of 32 appended rows get codes, whoever completes them and whatever happens in between; what
# is found does not depend on it.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

my $dims = 128;
my $page_size = 8192;

# Each page that replay changes is compared with the primary's: a difference stops the standby.
my $node = start_cluster(
	'primary',
	init => [ allows_streaming => 1 ],
	conf => "wal_consistency_checking = 'all'\nwal_keep_size = 512MB");
$node->safe_psql('postgres', 'CREATE EXTENSION pageinspect');
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;

# Rows and groups with codes of each entry page, in the order of their blocks.
sub entry_pages
{
	my ($items) = @_;
	return $node->safe_psql('postgres', <<"SQL");
SELECT get_byte(page, 24 + 10) + get_byte(page, 24 + 11) * 256 || ':' || get_byte(page, 24 + 28)
FROM generate_series(0, pg_relation_size('${items}_idx') / $page_size - 1) block,
  get_raw_page('${items}_idx', block::int) page
WHERE get_byte(page, $page_size - 3) = 10 ORDER BY block
SQL
}

# All groups that are complete.
sub all_are_coded
{
	my ($items, $what) = @_;
	my @pages = split(/\n/, entry_pages($items));
	my @wrong = grep { my ($rows, $groups) = split(/:/); $groups != int($rows / 32) } @pages;
	is("@wrong", '', "$what: all complete groups have codes");
	index_agrees($node, $items, "$what: the index agrees");
	return;
}

# One by one: the last row of a group brings the codes.
create_items($node, 'items', dims => $dims);
my %groups_at = (31 => 0, 32 => 1, 33 => 1, 63 => 1, 64 => 2);
foreach my $row (1 .. 64)
{
	insert_items($node, 'items', $row, $row);
	next if !exists $groups_at{$row};
	is(entry_pages('items'), "$row:$groups_at{$row}", "$row rows, a commit each");
	index_agrees($node, 'items', "$row rows, a commit each: the index agrees");
}

# Batches that end within groups, and pass the end of an entry page.
foreach my $batch ([ 101, 107 ], [ 201, 240 ], [ 301, 301 ], [ 401, 1600 ], [ 2001, 2033 ])
{
	insert_items($node, 'items', @$batch);
	all_are_coded('items', "rows $batch->[0] to $batch->[1]");
}
cmp_ok(scalar(split(/\n/, entry_pages('items'))), '>', 1, 'there are several entry pages');

# Rows of a transaction that rolls back after it has written them are in groups with others'.
my $session = $node->background_psql('postgres');
$session->query_safe(q{BEGIN; SET LOCAL vseg.memtable_size = '64kB'});
$session->query_safe("INSERT INTO items SELECT i, vector_of(i, $dims) FROM generate_series(3001, 3500) i");
insert_items($node, 'items', 4001, 4010);
$session->query_safe('ROLLBACK');
insert_items($node, 'items', 4011, 4050);
all_are_coded('items', 'rows that were rolled back');
$node->safe_psql('postgres', 'DELETE FROM items WHERE id % 3 = 0; VACUUM items');
all_are_coded('items', 'VACUUM');
insert_items($node, 'items', 5001, 5500);
all_are_coded('items', 'reuse of the places of rows that were removed');
$session->quit;

# A row that spans pages, and codes that do.
create_items($node, 'long', dims => 3000);
$node->safe_psql('postgres', 'ALTER TABLE long ALTER embedding SET STORAGE external');
insert_items($node, 'long', 1, 40);
insert_items($node, 'long', $_, $_) foreach (41 .. 65);
all_are_coded('long', '3,000 dimensions');

# Appenders at the same time.
my $script = PostgreSQL::Test::Utils::tempdir . '/append.sql';
append_to_file($script, <<"SQL");
\\set id random(10000, 100000000)
\\set rows random(0, 40)
INSERT INTO items SELECT i, vector_of(i, $dims) FROM generate_series(:id, :id + :rows) i;
SQL
$node->command_ok(
	[
		'pgbench', '-n', '-c', '4', '-j', '2', '-t', '40', '-f', $script, '-h', $node->host, '-p',
		$node->port, 'postgres'
	],
	'four appenders');
all_are_coded('items', 'appenders at the same time');

$node->wait_for_catchup($standby);
index_agrees($standby, $_, "the standby agrees: $_") foreach ('items', 'long');
unlike(slurp_file($standby->logfile), qr/inconsistent page found/, 'replay met no difference');
$standby->stop;

# A crash after rows were written and before their codes were leaves what this makes by hand: an
# entry page that counts fewer groups than are complete. The next appender makes up for it.
create_items($node, 'behind', dims => $dims);
insert_items($node, 'behind', 1, 100);
create_items($node, 'filled', dims => $dims);
insert_items($node, 'filled', $_, $_ + 99) foreach (map { $_ * 100 + 1 } 0 .. 8);
insert_items($node, 'filled', $_, $_ + 31) foreach (map { $_ * 100 } 20 .. 22);
my %path = map {
	$_ => $node->data_dir . '/'
	  . $node->safe_psql('postgres', "SELECT pg_relation_filepath('${_}_idx')")
} ('behind', 'filled');
my $rows_of_filled = (split(/:/, (split(/\n/, entry_pages('filled')))[0]))[0];
$node->stop;

sub forget_codes
{
	my ($file, $groups) = @_;
	open(my $handle, '+<:raw', $file) or die "could not open $file: $!";
	local $/;
	my $bytes = <$handle>;
	foreach my $block (0 .. length($bytes) / $page_size - 1)
	{
		my $at = $block * $page_size;
		next if unpack('C', substr($bytes, $at + $page_size - 3, 1)) != 10;
		substr($bytes, $at + 24 + 28, 2) = pack('S', $groups);
		seek($handle, 0, 0);
		print $handle $bytes;
		close($handle) or die "could not write $file: $!";
		return;
	}
	die "no entry page in $file";
}
forget_codes($path{behind}, 1);
forget_codes($path{filled}, 0);
$node->start;
is(entry_pages('behind'), '100:1', 'codes of two groups are missing');
index_agrees($node, 'behind', 'the index agrees without them');
insert_items($node, 'behind', 101, 101);
is(entry_pages('behind'), '101:3', 'the next appender makes them');
index_agrees($node, 'behind', 'the index agrees with them');
like(entry_pages('filled'), qr/\A$rows_of_filled:0/, 'codes of the first entry page are missing');
index_agrees($node, 'filled', 'the index agrees without those of an entry page');

# A crash amid appenders.
foreach my $round (1 .. 2)
{
	my ($output, $errors) = ('', '');
	my $before = $node->safe_psql('postgres', 'SELECT count(*) FROM behind');
	append_to_file("$script.$round", <<"SQL");
\\set id random(1000000, 100000000)
INSERT INTO behind SELECT i, vector_of(i, $dims) FROM generate_series(:id, :id + 20) i;
SQL
	my $writers = IPC::Run::start(
		[
			'pgbench', '-n', '-c', '3', '-T', '60', '-f', "$script.$round", '-h', $node->host, '-p',
			$node->port, 'postgres'
		],
		'>', \$output, '2>', \$errors);
	wait_until($node, "SELECT count(*) > $before + 300 FROM behind", 'writers write');
	$node->stop('immediate');
	$writers->finish;
	$node->start;
	index_agrees($node, 'behind', "round $round: the index agrees after a crash amid appenders");
	insert_items($node, 'behind', 1000 * $round, 1000 * $round);
	all_are_coded('behind', "round $round: one row more");
}
$node->stop;
done_testing();
