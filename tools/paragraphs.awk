# Turns a novel as Project Gutenberg types it into one paragraph a line: the text from its first chapter to its end,
# without licence, title pages, headings, tables and verse.  Plain awk on bytes: run it with LC_ALL=C.
#
#   LC_ALL=C awk -f tools/paragraphs.awk novel.txt > novel.paragraphs

function is_first_heading(line) {
    return line ~ /^(CHAPTER|Chapter|ADVENTURE) (I|1)([. ]|$)/
}

function is_end(line) {
    return line ~ /^(THE END|FINIS|Finis|A NOTE ON THE TEXT)[. ]*$/ \
        || line ~ /^(\*\*\* ?END OF|End of (the )?Project Gutenberg)/
}

# Headings stand alone: named and numbered, or without a small letter.  Shouts in quotes are speech.
function is_heading(text) {
    if (text ~ /^(CHAPTER|Chapter|VOLUME|Volume|BOOK|PART|ADVENTURE) ([IVXLC]+|[0-9]+)([. ]|$)/) return 1
    return text ~ /^(Epilogue|Conclusion)[. ]*$/ || (text !~ /[a-z]/ && text !~ /"/)
}

# Ends the paragraph gathered so far and prints it, unless it is a heading, a remark or footnote, or verse and
# tables, whose lines are all indented.
function flush_paragraph() {
    if (lines > 0 && indented < lines && !is_heading(text) && text !~ /^(\[.*\]|\*.*)$/) {
        gsub(/_/, "", text)            # marks of emphasis
        gsub(/--+/, " -- ", text)      # dashes are words of their own, as in the benchmark
        gsub(/[ \t]+/, " ", text)
        sub(/^ /, "", text)
        sub(/ $/, "", text)
        print text
    }
    lines = indented = 0
    text = ""
}

{ sub(/\r$/, "") }
is_first_heading($0) { started = 1 }
started && is_end($0) { exit }
!started { next }
/^[ \t]*$/ { flush_paragraph(); next }
{
    lines++
    if ($0 ~ /^   /) indented++
    text = lines == 1 ? $0 : text " " $0
}
END { flush_paragraph() }
