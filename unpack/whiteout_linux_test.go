package unpack

import (
	"archive/tar"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/learnbox/learnbox/internal/privtest"
)

// TestLayersOverEachOther has an upper layer change what a lower one has left.
func TestLayersOverEachOther(t *testing.T) {
	app := []item{folder("app"), file("app/a", "1"), file("app/b", "2"), folder("app/sub"), file("app/sub/c", "3")}
	links := []item{file("one", "1"), hardlink("two", "one")}
	fifo := node(tar.TypeFifo, "app", 0, 0)
	opq := file("app/.wh..wh..opq", "")
	runTreeTests(t, map[string]treeTest{
		// Whiteouts.
		"a whiteout removes a file":              {lower: app, upper: []item{file("app/.wh.a", "")}, want: "app/ app/b=2 app/sub/ app/sub/c=3"},
		"a whiteout removes a directory":         {lower: app, upper: []item{file(".wh.app", "")}, want: ""},
		"a whiteout of what is not there":        {lower: app, upper: []item{file("app/.wh.x", ""), file("none/.wh.y", "")}, want: listed(app)},
		"a whiteout below a file":                {lower: app, upper: []item{file("app/a/.wh.x", "")}, want: listed(app)},
		"a whiteout in another form":             {lower: app, upper: []item{folder("app/.wh.a/"), symlink("app/.wh.b", "x")}, want: "app/ app/sub/ app/sub/c=3"},
		"a whiteout with content":                {lower: app, upper: []item{file("app/.wh.a", "12345")}, want: "app/ app/b=2 app/sub/ app/sub/c=3"},
		"a whiteout of one of two names":         {lower: links, upper: []item{file(".wh.one", "")}, want: "two=1"},
		"a whiteout through a link in the image": {lower: append(app, symlink("l", "/app")), upper: []item{file("l/.wh.a", "")}, want: "app/ app/b=2 app/sub/ app/sub/c=3 l->/app"},
		"a whiteout through a link to nothing":   {lower: []item{symlink("l", "/none"), file("f", "x")}, upper: []item{file("l/.wh.f", "")}, want: "f=x l->/none"},
		"a whiteout through a loop of links":     {lower: []item{symlink("l", "l"), file("f", "x")}, upper: []item{file("l/.wh.f", "")}, want: "f=x l->l"},
		"a whiteout of a link, not its target":   {lower: append(app, symlink("l", "app")), upper: []item{file(".wh.l", "")}, want: listed(app)},
		"a whiteout by .. that stays inside":     {lower: app, upper: []item{file("none/../app/.wh.a", "")}, want: "app/ app/b=2 app/sub/ app/sub/c=3"},
		"an absolute whiteout":                   {lower: app, upper: []item{file("/app/.wh.sub", "")}, want: "app/ app/a=1 app/b=2"},
		"a name that only contains .wh.":         {upper: []item{file("a.wh.b", "x")}, want: "a.wh.b=x"},

		// Only lower layers are hidden, whatever the order.
		"a file after its whiteout":               {lower: app, upper: []item{file("app/.wh.a", ""), file("app/a", "new")}, want: "app/ app/a=new app/b=2 app/sub/ app/sub/c=3"},
		"a file before its whiteout":              {lower: app, upper: []item{file("app/a", "new"), file("app/.wh.a", "")}, want: "app/ app/a=new app/b=2 app/sub/ app/sub/c=3"},
		"a directory before its whiteout":         {lower: app, upper: []item{folder("app"), file("app/new", "x"), file(".wh.app", "")}, want: "app/ app/new=x"},
		"a file below a whiteout that follows":    {lower: app, upper: []item{file("app/sub/new", "x"), file(".wh.app", "")}, want: "app/ app/sub/ app/sub/new=x"},
		"a file below a whiteout, by a link":      {lower: append(app, symlink("l", "app/sub")), upper: []item{file("l/new", "x"), file("app/.wh.sub", "")}, want: "app/ app/a=1 app/b=2 app/sub/ app/sub/new=x l->app/sub"},
		"a whiteout does not reach its own layer": {upper: append(slices.Clone(app), file(".wh.app", ""), opq), want: listed(app)},
		"a hard link before its target's":         {lower: links, upper: []item{hardlink("three", "one"), file(".wh.one", ""), file(".wh.two", "")}, want: "three=1"},

		// Opaque directories.
		"an opaque directory hides all":          {lower: app, upper: []item{opq}, want: "app/"},
		"files after the opaque mark":            {lower: app, upper: []item{opq, file("app/a", "new")}, want: "app/ app/a=new"},
		"files before the opaque mark":           {lower: app, upper: []item{file("app/a", "new"), file("app/sub/d", "4"), opq}, want: "app/ app/a=new app/sub/ app/sub/d=4"},
		"links before the opaque mark":           {lower: app, upper: []item{symlink("app/l", "a"), hardlink("app/h", "app/b"), opq}, want: "app/ app/h=2 app/l->a"},
		"a directory before the opaque mark":     {lower: app, upper: []item{folder("app/sub"), opq}, want: "app/ app/sub/"},
		"an opaque directory inside of another":  {lower: app, upper: []item{file("app/sub/.wh..wh..opq", "")}, want: "app/ app/a=1 app/b=2 app/sub/"},
		"an opaque directory that is not there":  {lower: app, upper: []item{file("none/.wh..wh..opq", "")}, want: listed(app)},
		"an opaque root":                         {lower: app, upper: []item{file("new", "x"), file(".wh..wh..opq", "")}, want: "new=x"},
		"an opaque directory in place of a file": {lower: app, upper: []item{folder("app/a"), file("app/a/.wh..wh..opq", ""), file("app/a/x", "y")}, want: "app/ app/a/ app/a/x=y app/b=2 app/sub/ app/sub/c=3"},
		"the bookkeeping of aufs":                {lower: app, upper: []item{folder(".wh..wh.plnk"), file(".wh..wh.plnk/1.2", "x"), file("app/.wh..wh.aufs", ""), hardlink(".wh..wh.orph", ".wh..wh.plnk/1.2")}, want: listed(app)},

		// One kind replaces another.
		"a directory over a directory":            {lower: app, upper: []item{folder("app")}, want: listed(app)},
		"a file over a directory":                 {lower: app, upper: []item{file("app", "x")}, want: "app=x"},
		"a link over a directory":                 {lower: app, upper: []item{symlink("app", "x")}, want: "app->x"},
		"a fifo over a directory":                 {lower: app, upper: []item{fifo}, want: "app|"},
		"a hard link over a directory":            {lower: append(slices.Clone(app), file("z", "9")), upper: []item{hardlink("app", "z")}, want: "app=9 z=9"},
		"a directory over a file":                 {lower: app, upper: []item{folder("app/a"), file("app/a/x", "y")}, want: "app/ app/a/ app/a/x=y app/b=2 app/sub/ app/sub/c=3"},
		"a directory over a link to a directory":  {lower: append(slices.Clone(app), symlink("l", "app")), upper: []item{folder("l"), file("l/x", "y")}, want: listed(app) + " l/ l/x=y"},
		"a directory over a fifo":                 {lower: []item{fifo}, upper: []item{folder("app")}, want: "app/"},
		"a file over a fifo":                      {lower: []item{fifo}, upper: []item{file("app", "x")}, want: "app=x"},
		"a file over a link":                      {lower: append(slices.Clone(app), symlink("l", "app/a")), upper: []item{file("l", "x")}, want: listed(app) + " l=x"},
		"a link over a file":                      {lower: app, upper: []item{symlink("app/a", "b")}, want: "app/ app/a->b app/b=2 app/sub/ app/sub/c=3"},
		"there and back":                          {lower: app, upper: []item{file("app", "x"), symlink("app", "y"), folder("app"), file("app/z", "1")}, want: "app/ app/z=1"},
		"a link on the way is replaced":           {lower: append(slices.Clone(app), symlink("l", "app")), upper: []item{file("l/new", "1"), folder("l"), file("l/new", "2")}, want: "app/ app/a=1 app/b=2 app/new=1 app/sub/ app/sub/c=3 l/ l/new=2"},
		"a directory on the way is replaced":      {lower: []item{folder("a/q"), symlink("a/b", "q/..")}, upper: []item{file("a/b/x", "1"), file("a/b/q", "f"), file("a/b/y", "2")}, wantErr: "ENOTDIR"},
		"a new file breaks a hard link":           {lower: links, upper: []item{file("one", "new")}, want: "one=new two=1"},
		"a new file in the same layer does, too":  {upper: append(slices.Clone(links), file("two", "new")), want: "one=1 two=new"},
		"a shorter file breaks a hard link":       {lower: links, upper: []item{file("two", "")}, want: "one=1 two="},
		"a hard link to a lower layer":            {lower: links, upper: []item{hardlink("three", "/two")}, want: "one=1 three=1 two=1"},
		"a hard link replaces a file":             {lower: append(slices.Clone(links), file("f", "x")), upper: []item{hardlink("f", "one")}, want: "f=1 one=1 two=1"},
		"a hard link through a link in the image": {lower: append(slices.Clone(app), symlink("l", "../../app")), upper: []item{hardlink("x", "l/a")}, want: listed(app) + " l->../../app x=1"},
		"the last entry of a name counts":         {upper: []item{file("f", "1"), file("f", "2"), file("./f", "3")}, want: "f=3"},
	})
}

// listed is the listing of items that are directories and files, sorted.
func listed(items []item) string {
	out := ""
	for i, it := range items {
		if i > 0 {
			out += " "
		}
		out += it.header.Name
		if it.header.Typeflag == tar.TypeDir {
			out += "/"
		} else {
			out += "=" + it.body
		}
	}
	return out
}

// TestHiddenTimes: removing files from a directory does not change its times.
func TestHiddenTimes(t *testing.T) {
	privtest.Require(t, "root")
	path, err := Flatten(t.Context(), rootDir(t), layers(
		t,
		[]item{folder("d"), file("d/a", "1"), folder("d/e"), file("d/e/b", "2")},
		[]item{file("d/e/new", "x"), folder("n"), file("n/x", ""), file("d/.wh..wh..opq", "")},
	), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := listing(t, path), "d/ d/e/ d/e/new=x n/ n/x="; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	for _, name := range []string{"d", "d/e", "n"} {
		fi, err := os.Stat(filepath.Join(path, name))
		if err != nil {
			t.Fatal(err)
		}
		if !fi.ModTime().Equal(someTime()) {
			t.Errorf("%s was changed at %v, want %v", name, fi.ModTime(), someTime())
		}
	}
}
