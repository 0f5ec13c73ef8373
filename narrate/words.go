package narrate

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Duration prints microseconds in the unit that suits them.
func Duration(us int64) string {
	if us < 10_000_000 {
		return fmt.Sprintf("%.2f ms", float64(us)/1000)
	}
	return fmt.Sprintf("%.1f s", float64(us)/1e6)
}

// Shorten cuts s to width columns.
func Shorten(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:width-1]) + "…"
}

// Wrap breaks text into lines of at most width columns, at spaces; a longer
// word stands alone.
func Wrap(text string, width int) []string {
	var lines []string
	var line []byte
	used := 0
	for word := range strings.FieldsSeq(text) {
		n := utf8.RuneCountInString(word)
		if used > 0 && used+1+n > width {
			lines, line, used = append(lines, string(line)), line[:0], 0
		}
		if used > 0 {
			line, used = append(line, ' '), used+1
		}
		line, used = append(line, word...), used+n
	}
	if used > 0 {
		lines = append(lines, string(line))
	}
	return lines
}

// Plain shows control characters instead of sending them: names come from
// images and registries, and a terminal obeys what it is sent.
func Plain(s string) string {
	if strings.IndexFunc(s, unicode.IsControl) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			fmt.Fprintf(&b, "\\x%02x", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
