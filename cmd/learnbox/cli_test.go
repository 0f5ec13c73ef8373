package main

import "testing"

func BenchmarkParser(b *testing.B) {
	for b.Loop() {
		var c cli
		if _, err := newParser(&c); err != nil {
			b.Fatal(err)
		}
	}
}
