package unpack

import (
	"strings"
	"testing"
)

func TestCleanName(t *testing.T) {
	tests := map[string]struct{ in, want, wantErr string }{
		"plain":                   {in: "etc/passwd", want: "etc/passwd"},
		"a directory":             {in: "etc/", want: "etc"},
		"as tar -C writes it":     {in: "./etc/passwd", want: "etc/passwd"},
		"absolute":                {in: "/etc/passwd", want: "etc/passwd"},
		"the root":                {in: "./", want: "."},
		"the root by a slash":     {in: "///", want: "."},
		"the root by a detour":    {in: "a/..", want: "."},
		"slashes and dots":        {in: ".//a/././b//", want: "a/b"},
		".. inside":               {in: "a/b/../c", want: "a/c"},
		".. to the root":          {in: "a/../b", want: "b"},
		".. above":                {in: "..", wantErr: "leads out"},
		".. above and back":       {in: "../etc", wantErr: "leads out"},
		".. above, absolute":      {in: "/..", wantErr: "leads out"},
		".. above, hidden":        {in: "a/./../b/../../c", wantErr: "leads out"},
		"three dots":              {in: "...", want: "..."},
		"dots in names":           {in: "..a/b..", want: "..a/b.."},
		"a backslash is a letter": {in: `..\..\x`, want: `..\..\x`},
		"empty":                   {in: "", wantErr: "empty"},
		"NUL":                     {in: "a\x00b", wantErr: "NUL"},
		"long":                    {in: strings.Repeat("a", 255), want: strings.Repeat("a", 255)},
		"too long":                {in: "b/" + strings.Repeat("a", 256), wantErr: "256 bytes"},
		"too long a path":         {in: strings.Repeat("a/", 2048), wantErr: "4096 bytes"},
	}
	for name, tt := range tests {
		got, err := cleanName(tt.in)
		if got != tt.want || (err == nil) != (tt.wantErr == "") || err != nil && !strings.Contains(err.Error(), tt.wantErr) {
			t.Errorf("%s: cleanName(%.40q) = %.40q, %v, want %.40q, %q", name, tt.in, got, err, tt.want, tt.wantErr)
		}
	}
}

func TestReadMark(t *testing.T) {
	tests := map[string]struct {
		mark    mark
		hidden  string
		wantErr bool
	}{
		"etc/passwd":            {mark: plain},
		"etc/a.wh.b":            {mark: plain},
		".wh":                   {mark: plain},
		".whx":                  {mark: plain},
		"etc/.wh.passwd":        {mark: whiteout, hidden: "passwd"},
		".wh.etc":               {mark: whiteout, hidden: "etc"},
		".wh....":               {mark: whiteout, hidden: "..."},
		".wh..hidden":           {mark: whiteout, hidden: ".hidden"},
		".wh..wh..opq":          {mark: opaque},
		"a/b/.wh..wh..opq":      {mark: opaque},
		".wh..wh.plnk":          {mark: ignored},
		"a/.wh..wh.aufs":        {mark: ignored},
		".wh..wh.plnk/1.2":      {mark: ignored},
		".wh..wh.orph/a/b":      {mark: ignored},
		".wh..wh..opq/x":        {mark: ignored},
		".wh.":                  {wantErr: true},
		".wh..":                 {wantErr: true},
		"etc/.wh...":            {wantErr: true},
		".wh.etc/passwd":        {wantErr: true},
		"a/.wh.b/c/.wh.d":       {wantErr: true},
		"a/.wh.b/.wh..wh..opq":  {wantErr: true},
		"a.wh./b":               {mark: plain},
		"usr/.wh..wh..opq.save": {mark: ignored},
	}
	for name, tt := range tests {
		m, hidden, err := readMark(name)
		if m != tt.mark || hidden != tt.hidden || (err != nil) != tt.wantErr {
			t.Errorf("readMark(%q) = %v, %q, %v, want %v, %q, error: %v", name, m, hidden, err, tt.mark, tt.hidden, tt.wantErr)
		}
	}
}

func FuzzCleanName(f *testing.F) {
	for _, seed := range []string{"", ".", "..", "a/../..", "/a//b/./c/", strings.Repeat("../", 9), "a\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got, err := cleanName(name)
		if err != nil {
			return
		}
		if got == root {
			return
		}
		if len(got) > maxPath || got[0] == '/' {
			t.Errorf("cleanName(%q) = %q", name, got)
		}
		for part := range strings.SplitSeq(got, "/") {
			if part == "" || part == "." || part == ".." || len(part) > maxComponent || strings.ContainsRune(part, 0) {
				t.Errorf("cleanName(%q) = %q, with the component %q", name, got, part)
			}
		}
		if again, err := cleanName(got); again != got || err != nil {
			t.Errorf("cleanName(%q) = %q, %v: not clean yet", got, again, err)
		}
	})
}
