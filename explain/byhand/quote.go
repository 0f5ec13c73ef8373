package byhand

import (
	"slices"
	"strings"
	"unicode"
)

// quote makes one word for sh(1) out of s. Between single quotes nothing has a
// meaning but the quote itself, not even a newline.
func quote(s string) string {
	if s != "" && strings.IndexFunc(s, special) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func special(r rune) bool {
	plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@%+,=", r)
	return !plain
}

// quoteAll makes a list of words, one space between them.
func quoteAll(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = quote(w)
	}
	return strings.Join(quoted, " ")
}

// echo is the command that prints s. echo itself does other things with some words.
func echo(s string) string {
	if strings.HasPrefix(s, "-") || strings.Contains(s, `\`) {
		return `printf '%s\n' ` + quote(s)
	}
	return "echo " + quote(s)
}

// comment makes lines of at most 100 characters that begin with "# ". Whatever
// could end a line, and with it the comment, becomes a question mark.
func comment(text string) []string {
	const width = 98
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return '?'
		}
		return r
	}, text)
	var lines []string
	line := "#"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > width && line != "#" {
			lines = append(lines, line)
			line = "#"
		}
		line += " " + word
	}
	return append(lines, line)
}

// hereDoc is a command whose input is a text, word for word. The word at its end
// must not be a line of the text, which a user's newline could make it.
func hereDoc(command, end string, text []string) []string {
	all := strings.Split(strings.Join(text, "\n"), "\n")
	for slices.Contains(all, end) {
		end += "_"
	}
	return slices.Concat([]string{command + " <<'" + end + "'"}, text, []string{end})
}
