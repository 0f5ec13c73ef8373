package main

import (
	"testing"
	"time"
)

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
