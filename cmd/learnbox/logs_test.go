package main

import (
	"strings"
	"testing"
	"time"

	"github.com/learnbox/learnbox/lifecycle"
)

// Entries are written as STREAM:TEXT here, with / for a newline; what is shown has a *
// where a time would stand.
func TestLogPrinter(t *testing.T) {
	for _, tt := range []struct {
		name       string
		keep       int
		past, live string
		want       string
	}{
		{"whole lines", -1, "o:a/ o:b/", "o:c/", "*a/*b/*c/"},
		{"a line in pieces", -1, "o:Pass o:word/ o:end/", "", "*Password/*end/"},
		{"each stream has its lines", -1, "o:Pass e:oops/ o:word/", "", "*Pass*oops/word/"},
		{"the last line in pieces", 1, "o:first/ o:Pass o:word/", "", "*Password/"},
		{"the last line has no end", 1, "o:first/ o:Pass o:word", "", "*Password"},
		{"two lines of two streams in pieces", 2, "o:first/ o:Pass e:oo o:word/ e:ps/", "", "*Password/*oops/"},
		{"a piece between those of the last line", 1, "o:Pass e:oops/ o:word/", "", "*oops/"},
		{"the last line goes on", 1, "o:a/ o:Pass", "o:word/ o:end/", "*Password/*end/"},
		{"a line of which nothing was shown goes on", 0, "o:a/ o:Pass", "o:word/ o:end/", "*word/*end/"},
		{"none", 0, "o:a/", "", ""},
		{"more than there are", 9, "o:a/", "", "*a/"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var shown strings.Builder
			p := newLogPrinter(tt.keep, nil, func(e lifecycle.Entry, begins bool) error {
				if begins {
					shown.WriteString("*")
				}
				shown.WriteString(e.Log)
				return nil
			})
			add := func(entries string) {
				for word := range strings.FieldsSeq(entries) {
					stream, text, _ := strings.Cut(word, ":")
					p.add(lifecycle.Entry{Stream: stream, Log: strings.ReplaceAll(text, "/", "\n")})
				}
			}
			add(tt.past)
			p.caughtUp()
			add(tt.live)
			if got := strings.ReplaceAll(shown.String(), "\n", "/"); got != tt.want {
				t.Errorf("shows %s, want %s", got, tt.want)
			}
		})
	}
}

func TestParseTime(t *testing.T) {
	now := time.Unix(1769860800, 0)
	for _, tt := range []struct {
		word string
		want time.Time
	}{
		{"", time.Time{}},
		{"0", time.Unix(0, 0)},
		{"0s", now},
		{"10m", now.Add(-10 * time.Minute)},
		{"1769860800", now},
		{"1769860800.5", now.Add(500 * time.Millisecond)},
		{"2026-01-31T12:00:00Z", now},
	} {
		if got, err := parseTime(tt.word, now); err != nil || !got.Equal(tt.want) {
			t.Errorf("parseTime(%q) = %v, %v, want %v", tt.word, got, err, tt.want)
		}
	}
	if _, err := parseTime("yesterday", now); err == nil {
		t.Error("parseTime takes yesterday")
	}
}
