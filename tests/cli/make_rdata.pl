# Writes an R package's data, BASE.rdb and BASE.rdx, byte by byte, for the tests of rdata_text.
#
#   perl make_rdata.pl BASE COMPRESSED NAME 'EXPRESSION' [NAME 'EXPRESSION' ...]
#
# Each expression gives the bytes of one variable, with the subs below: head(VERSION) . strings(chars(TEXT), ...).
use strict;
use warnings;
my ($base, $compressed, @variables) = @ARGV;

sub word { pack 'N', $_[0] & 0xFFFFFFFF }
sub head { "X\n" . word($_[0]) . word(0x40201) . word(0x20300) . ($_[0] == 3 ? word(5) . 'UTF-8' : '') }
sub chars { word(defined $_[1] ? $_[1] : 0x40009) . word(length $_[0]) . $_[0] } # TEXT, flags
sub strings { word(16) . word(scalar @_) . join '', @_ }
sub lines { my ($path) = @_; open my $f, '<', $path or die; chomp(my @l = <$f>); strings(map { chars($_) } @l) }
sub numbers { word(13) . word(scalar @_) . join '', map { word($_) } @_ }
sub named { word(0x402) . word(1) . chars('names') . strings(map { chars($_) } @_) . word(254) }
sub again { word(0x402) . word(0x1FF) . strings(map { chars($_) } @_) . word(254) } # the same symbol, by reference
sub zlib {    # stored blocks, not compressed
    my ($data) = @_;
    my ($a, $b) = (1, 0);
    for (unpack 'C*', $data) { $a = ($a + $_) % 65521; $b = ($b + $a) % 65521 }
    my @blocks = unpack '(a65535)*', $data;
    my $stored = '';
    for my $i (0 .. $#blocks) {
        my $length = length $blocks[$i];
        $stored .= ($i == $#blocks ? "\x01" : "\x00") . pack('vv', $length, ~$length & 0xFFFF) . $blocks[$i];
    }
    return "\x78\x01" . $stored . pack 'N', $b << 16 | $a;
}
sub save { open my $f, '>', $_[0] or die "$_[0]: $!"; binmode $f; print $f $_[1]; close $f }

my ($data, $places, @names) = ('', '');
while (my ($name, $expression) = splice @variables, 0, 2) {
    my $value = eval $expression;
    die $@ if $@;
    my $chunk = word(length $value) . zlib($value);
    $places .= numbers(length $data, length $chunk);
    $data .= $chunk;
    push @names, $name;
}
save("$base.rdb", $data);
save("$base.rdx",
    head(3) . word(0x213) . word(2) . word(0x213) . word(scalar @names) . $places . named(@names)
      . word(10) . word(1) . word($compressed) . again('variables', 'compressed'));
