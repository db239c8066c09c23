# Damaged pages are reported with SQLSTATE XX002 and a hint, never crash the server, never mislead it
# into writing over something, and REINDEX repairs the index.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

my $page_size = 8192;
my $payload = 24;    # behind the page header
my %kind = (
	metapage => 1,
	map => 2,
	'segment header' => 3,
	nodes => 5,
	tids => 6,
	tombstones => 7,
	'entry points' => 8,
	'append header' => 9,
	'append entries' => 10,
	'append vectors' => 11,
	'append codes' => 12,
	'append centroid' => 13);
# Short rows have no codes.
my @of_codes = ('append codes', 'append centroid');
my @read_by_search = grep { $_ ne 'map' && $_ !~ /codes|centroid/ } sort keys %kind;

# Changes of a page, given as its bytes.
sub put
{
	my ($offset, $bytes) = @_;
	return sub { substr($_[0], $offset, length($bytes)) = $bytes; };
}
my %damage = (
	'wrong magic' => put($page_size - 2, pack('S', 0xBEEF)),
	'wrong kind' => put($page_size - 3, pack('C', 99)),
	'another format version' => put($page_size - 4, pack('C', 99)),
	'page of another segment' => put($page_size - 8, pack('L', 4711)),
	'zeroed page' => put(0, "\0" x $page_size),
	'page of another access method' =>
	  put(0, pack('LLSSSSSSL', 0, 1, 0, 0, 24, 8176, 8176, 8196, 0) . "\0" x ($page_size - 24)));

# [ what, page kind, change ]: a search must report each.
my @cases;
foreach my $name (@read_by_search)
{
	push @cases, map { [ "$name: $_", $name, $damage{$_} ] } sort keys %damage;
}
my $word = sub { return put($payload + $_[0], pack('L', $_[1])) };
my $short = sub { return put($payload + $_[0], pack('S', $_[1])) };
my $byte = sub { return put($payload + $_[0], pack('C', $_[1])) };
push @cases,
  (
	[ 'metapage: wrong magic number in the payload', 'metapage', $word->(0, 1) ],
	[ 'metapage: another format version in the payload', 'metapage', $word->(4, 77), '0A000' ],
	[ 'metapage: no dimensions', 'metapage', $word->(8, 0) ],
	[ 'metapage: too many dimensions', 'metapage', $word->(8, 16001) ],
	[ 'metapage: other dimensions than the column', 'metapage', $word->(8, 16) ],
	[ 'metapage: unknown metric', 'metapage', $byte->(12, 9) ],
	[ 'metapage: another metric than the segments', 'metapage', $byte->(12, 4) ],
	[ 'metapage: directory too long', 'metapage', $short->(18, 65535) ],
	[ 'metapage: a directory entry without content', 'metapage', $short->(18, 3) ],
	[ 'metapage: an unknown kind of member', 'metapage', $byte->(72 + 96 + 4, 77) ],
	[ 'metapage: a segment beyond the end', 'metapage', $word->(72 + 96 + 8, 99999) ],
	[ 'metapage: a segment at the metapage', 'metapage', $word->(72 + 96 + 8, 0) ],
	[ 'metapage: a segment of more rows', 'metapage', $word->(72 + 96 + 16, 100000) ],
	[ 'segment header: other dimensions', 'segment header', $word->(4, 9) ],
	[ 'segment header: other degree', 'segment header', $short->(14, 320) ],
	[ 'segment header: more rows', 'segment header', $word->(20, 100000) ],
	[ 'segment header: more entry points', 'segment header', $word->(24, 100000) ],
	[ 'segment header: nodes elsewhere', 'segment header', $word->(40, 3) ],
	[ 'segment header: no runs of extents', 'segment header', $word->(76, 0) ],
	[ 'segment header: too many runs of extents', 'segment header', $word->(76, 5000) ],
	[ 'segment header: another extent', 'segment header', $word->(160, 1) ],
	[ 'segment header: no extent', 'segment header', $word->(164, 0) ],
	[ 'segment header: extent beyond the end', 'segment header', $word->(160, 1000) ],
	[ 'nodes: block of another row', 'nodes', $word->(0, 123) ],
	[ 'nodes: too many neighbors', 'nodes', $short->(4, 65535) ],
	[ 'nodes: impossible neighbors', 'nodes', put($payload + 8, pack('L*', (0x7FFFFFF0) x 16)) ],
	# Which of its blocks are read is for the query to say.
	[ 'entry points: impossible rows', 'entry points', put($payload, pack('L*', (0x7FFFFFF0) x 2000)) ],
	[ 'append header: another chain', 'append header', $word->(0, 9) ],
	[ 'append header: first page is the metapage', 'append header', $word->(4, 0) ],
	[ 'append header: first page beyond the end', 'append header', $word->(4, 99999) ],
	[ 'append entries: another chain', 'append entries', $word->(0, 9) ],
	[ 'append entries: linked to itself', 'append entries', undef ],
	[ 'append entries: linked to the metapage', 'append entries', $word->(4, 0) ],
	[ 'append entries: linked beyond the end', 'append entries', $word->(4, 99999) ],
	[ 'append entries: too many rows', 'append entries', $short->(10, 65535) ],
	[ 'append entries: too many vector pages', 'append entries', $word->(12, 0xFFFFFFFF) ],
	[ 'append entries: too few vector pages', 'append entries', $word->(12, 0) ],
	[ 'append entries: a page was skipped', 'append entries', $word->(32, 7) ]);

# The same for rows that have codes.
my @coded_cases;
foreach my $name (@of_codes)
{
	push @coded_cases, map { [ "$name: $_", $name, $damage{$_} ] } sort keys %damage;
}
push @coded_cases,
  (
	[ 'append entries: more groups with codes than rows', 'append entries', $short->(28, 2) ],
	[ 'append entries: codes without a centroid', 'append entries', $word->(24, 0xFFFFFFFF) ],
	[ 'append entries: the metapage for a centroid', 'append entries', $word->(24, 0) ],
	[ 'append entries: a centroid elsewhere', 'append entries', $word->(24, 2) ],
	[ 'append entries: a centroid beyond the end', 'append entries', $word->(24, 99999) ]);

# Makes an entry page list itself as its last vector page.
sub list_itself
{
	my ($page, $block) = @_;
	my $end = unpack('S', substr($page, 12, 2));    # pd_lower, where the block numbers end
	substr($_[0], $end - 4, 4) = pack('L', $block);
	return;
}

# What an insert or a VACUUM must report before it writes somewhere.
my @writes = (
	map({ [ "map: $_", 'map', $damage{$_} ] } grep { $_ ne 'page of another segment' } sort keys %damage),
	[ 'append header: tail beyond the end', 'append header', $word->(8, 99999) ],
	[ 'append header: tail is the metapage', 'append header', $word->(8, 0) ],
	[ 'append entries: too many rows', 'append entries', $short->(10, 65535) ],
	[ 'append entries: too many vector pages', 'append entries', $word->(12, 0xFFFFFFF0) ],
	[ 'append entries: no vector page', 'append entries', $word->(12, 0) ],
	[ 'append entries: next extent beyond all files', 'append entries', $word->(16, 0x03FFFFFE) ],
	[ 'append entries: next page beyond its extent', 'append entries', $word->(20, 1000) ],
	[ 'append entries: frozen tail', 'append entries', $short->(8, 0) ],
	[ 'append entries: itself among its vector pages', 'append entries', \&list_itself ],
	[ 'append entries: more groups with codes than rows', 'append entries', $short->(28, 2) ],
	[ 'append entries: codes without a centroid', 'append entries', $word->(24, 0xFFFFFFFF) ],
	[ 'append entries: a centroid elsewhere', 'append entries', $word->(24, 2) ],
	map({ my $name = $_; map({ [ "$name: $_", $name, $damage{$_} ] } sort keys %damage) }
		@of_codes));

my $node = start_cluster('primary');
my $random_cases = 40;
my $searched = scalar(@cases);
my $coded = scalar(@coded_cases);
my $written = scalar(@writes);
my $truncated = 4;

# A graph with dead rows, and appended rows. The tables that are written to are so wide that a few
# rows fill an extent.
sub create_victims
{
	my ($prefix, $count, $dims) = @_;
	return $node->safe_psql('postgres', <<"SQL");
DO \$\$
BEGIN
  FOR i IN 0 .. $count - 1 LOOP
    EXECUTE format('CREATE TABLE %1\$s (id int, embedding vector($dims))', '${prefix}_' || i);
    EXECUTE format('INSERT INTO %s SELECT i, vector_of(i, $dims) FROM generate_series(1, 300) i',
                   '${prefix}_' || i);
    EXECUTE format('CREATE INDEX %1\$s_idx ON %1\$s USING vseg (embedding)', '${prefix}_' || i);
    EXECUTE format('INSERT INTO %s SELECT i, vector_of(i, $dims) FROM generate_series(301, 340) i',
                   '${prefix}_' || i);
    EXECUTE format('DELETE FROM %s WHERE id %% 10 = 0', '${prefix}_' || i);
  END LOOP;
END
\$\$;
VACUUM;
SELECT pg_relation_filepath(('${prefix}_' || i || '_idx')::regclass)
FROM generate_series(0, $count - 1) i ORDER BY i;
SQL
}

my @search_files = split(/\n/, create_victims('searched', $searched, 8));
my @coded_files = split(/\n/, create_victims('coded', $coded, 256));
my @write_files = split(/\n/, create_victims('written', $written, 256));
my @random_files = split(/\n/, create_victims('random', $random_cases, 8));
my @truncated_files = split(/\n/, create_victims('truncated', $truncated, 8));
$node->stop;

sub slurp_index
{
	my ($path) = @_;
	open(my $file, '<:raw', $node->data_dir . "/$path") or die "could not open $path: $!";
	local $/;
	my $bytes = <$file>;
	close($file);
	return $bytes;
}

sub write_index
{
	my ($path, $bytes) = @_;
	open(my $file, '>:raw', $node->data_dir . "/$path") or die "could not open $path: $!";
	print $file $bytes;
	close($file) or die "could not write $path: $!";
	return;
}

# Changes the first page of a kind.
sub damage_page
{
	my ($path, $name, $change) = @_;
	my $bytes = slurp_index($path);
	foreach my $block (0 .. length($bytes) / $page_size - 1)
	{
		my $page = substr($bytes, $block * $page_size, $page_size);
		my ($page_kind, $magic) = unpack('CS', substr($page, -3));
		next if $magic != 0xE567 || $page_kind != $kind{$name};
		($change || put($payload + 4, pack('L', $block)))->($page, $block);
		substr($bytes, $block * $page_size, $page_size) = $page;
		write_index($path, $bytes);
		return;
	}
	die "no page of kind $name in $path";
}

damage_page($search_files[$_], @{ $cases[$_] }[ 1, 2 ]) foreach (0 .. $#cases);
damage_page($coded_files[$_], @{ $coded_cases[$_] }[ 1, 2 ]) foreach (0 .. $#coded_cases);
damage_page($write_files[$_], @{ $writes[$_] }[ 1, 2 ]) foreach (0 .. $#writes);
srand(42);
foreach my $path (@random_files)
{
	my $bytes = slurp_index($path);
	foreach (1 .. 3)
	{
		my $noise = pack('C*', map { int(rand(256)) } 1 .. 1 + int(rand(64)));
		# Behind the page header, which PostgreSQL checks itself; often where little is unused.
		my $block = int(rand(length($bytes) / $page_size));
		my $offset = $payload + int(rand(rand() < 0.5 ? 200 : $page_size - $payload - 64));
		substr($bytes, $block * $page_size + $offset, length($noise)) = $noise;
	}
	write_index($path, $bytes);
}
my @lengths = (0, 1, 2.5, 6);
foreach my $i (0 .. $truncated - 1)
{
	write_index($truncated_files[$i],
		substr(slurp_index($truncated_files[$i]), 0, $lengths[$i] * $page_size));
}
$node->start;

sub search
{
	my ($items, $dims) = @_;
	return sql_error($node, <<"SQL");
SET statement_timeout = '60s';
SET enable_seqscan = off;
SET enable_sort = off;
SET vseg.ef_search = 10000;
SET vseg.segment_search = graph;    -- the graph is to be read
SELECT count(*) FROM (SELECT id FROM $items ORDER BY embedding <-> vector_of(1, $dims)) s
SQL
}

my $reports = qr/ERROR:  XX002: .*corrupted.*DETAIL: .*block \d+.*HINT:  REINDEX the index/s;
my $reports_version = qr/ERROR:  0A000: .*format version.*HINT:  REINDEX the index/s;

foreach my $i (0 .. $#cases)
{
	my ($what, $name, $change, $sqlstate) = @{ $cases[$i] };
	like(search("searched_$i", 8), $sqlstate ? $reports_version : $reports, "search: $what");
}

foreach my $i (0 .. $#coded_cases)
{
	like(search("coded_$i", 256), $reports, "search: $coded_cases[$i][0]");
}

sub insert_many
{
	my ($items) = @_;
	return sql_error($node, <<"SQL");
SET statement_timeout = '60s';
INSERT INTO $items SELECT i, vector_of(i, 256) FROM generate_series(1001, 1700) i
SQL
}

foreach my $i (0 .. $#writes)
{
	like(insert_many("written_$i"), $reports, "insert: $writes[$i][0]");
	cmp_ok($node->safe_psql('postgres', "SELECT pg_relation_size('written_${i}_idx')"),
		'<', 20e6, "insert: $writes[$i][0]: the index is not blown up");
}

# Whatever it is, the server answers or reports.
my $harmless = qr/\A\z|\bXX002\b|\b0A000\b/;
foreach my $i (0 .. $truncated - 1)
{
	like(search("truncated_$i", 8), $reports, "search: index cut to $lengths[$i] pages");
}
my @others = (map({ "searched_$_" } 0 .. $searched - 1),
	map({ "random_$_" } 0 .. $random_cases - 1), map({ "truncated_$_" } 0 .. $truncated - 1));
my @wrong;
foreach my $items (@others)
{
	my $errors = search($items, 8);
	push @wrong, "$items, search: $errors" if $errors !~ $harmless;
	foreach my $statement (
		"INSERT INTO $items SELECT i, vector_of(i) FROM generate_series(2001, 2600) i",
		"DELETE FROM $items WHERE id % 7 = 0",
		"VACUUM (INDEX_CLEANUP ON) $items",
		"SELECT * FROM vseg_segments('${items}_idx')")
	{
		$errors = sql_error($node, "SET statement_timeout = '60s'; $statement");
		push @wrong, "$items, $statement: $errors" if $errors !~ $harmless;
	}
}
is(join("\n", @wrong), '', 'no other kind of error');
my $log = slurp_file($node->logfile);
unlike($log, qr/terminated by signal|PANIC|TRAP/, 'no backend crashed');

# REINDEX repairs.
my @disagreeing;
foreach my $items (@others, map({ "written_$_" } 0 .. $written - 1),
	map({ "coded_$_" } 0 .. $coded - 1))
{
	$node->safe_psql('postgres', "REINDEX INDEX ${items}_idx");
	my $found = $node->safe_psql('postgres', "SELECT disagreements('$items', 3)");
	push @disagreeing, "$items: $found" if $found ne '';
}
is(join("\n", @disagreeing), '', 'REINDEX repairs every index');

$node->stop;
done_testing();
