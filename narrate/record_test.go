package narrate

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestJournal(t *testing.T) {
	var b strings.Builder
	want := []Record{
		{V: Version, Type: TypeHello, Image: "tiny", Steps: 2},
		{V: Version, Type: TypeStep, ID: "ns.uts", Phase: Done, Calls: []Call{{Call: "unshare(CLONE_NEWUTS)", Result: "ok"}}, Us: 12},
		{V: Version, Type: TypeTotal, Us: 40},
	}
	for _, r := range want {
		if err := r.Write(&b); err != nil {
			t.Fatal(err)
		}
	}
	whole := b.String()
	if got, err := Read(strings.NewReader(whole)); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Read = %+v, %v", got, err)
	}
	for _, c := range []struct {
		name, text string
		records    int
		err        error
	}{
		{"nothing", "", 0, nil},
		{"cut in the last record", whole[:len(whole)-5], 2, ErrCut},
		{"cut after a line", whole[:strings.LastIndex(whole[:len(whole)-1], "\n")+1], 2, nil},
		{"unknown keys of a newer version", `{"v":"9","type":"step","id":"a.b","colour":"red"}` + "\n", 1, nil},
		{"an unknown type", `{"v":"9","type":"song"}` + "\n", 1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Read(strings.NewReader(c.text))
			if len(got) != c.records || !errors.Is(err, c.err) {
				t.Errorf("Read = %d records, %v, want %d, %v", len(got), err, c.records, c.err)
			}
		})
	}
	if _, err := Read(strings.NewReader("no JSON\n")); err == nil || errors.Is(err, ErrCut) {
		t.Errorf("a damaged line: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`{"v":"1","type":"step","id":"ns.uts\u001b[1m","title":"\u001b"}` + "\n{")
	f.Fuzz(func(t *testing.T, journal string) {
		records, _ := Read(strings.NewReader(journal))
		text := Text{W: new(strings.Builder), Full: true}
		for _, r := range records {
			text.Print(r)
		}
		out, _ := text.W.(*strings.Builder)
		if strings.ContainsRune(out.String(), '\x1b') {
			t.Error("an escape sequence reached the terminal")
		}
	})
}
