package unpack

import (
	"archive/tar"
	"strings"
	"testing"
)

// TestBreakouts holds archives that want to reach what is outside of the root, or
// find out whether they can. The victim must be as it was, whatever the outcome.
func TestBreakouts(t *testing.T) {
	const leads = "leads out of the root"
	passwd := []item{folder("etc"), file("etc/passwd", "inside")}
	chmod777 := func(h *tar.Header) { h.Mode = 0o777 }
	runTreeTests(t, map[string]treeTest{
		// Names.
		"a name with .. above the root":           {upper: []item{file("../evil", "x")}, wantErr: leads},
		"a name with .. after a directory":        {upper: []item{file("a/../../evil", "x")}, wantErr: leads},
		"a name with .. behind a slash":           {upper: []item{file("/../evil", "x")}, wantErr: leads},
		"the victim by ..":                        {upper: []item{file("{up}/secret", "x")}, wantErr: leads},
		"a directory called ..":                   {upper: []item{folder("..")}, wantErr: leads},
		"a link called ..":                        {upper: []item{symlink("..", "/etc")}, wantErr: leads},
		"a name with .. that stays inside":        {upper: []item{file("a/b/../c", "x")}, want: "a/ a/c=x"},
		"an absolute name counts from the root":   {upper: []item{file("/abs", "x")}, want: "abs=x"},
		"many slashes and dots":                   {upper: []item{file("//a/.//./b", "x")}, want: "a/ a/b=x"},
		"an empty name":                           {upper: []item{symlink("", "/etc")}, wantErr: "an empty name"},
		"the root as a file":                      {upper: []item{file(".", "x")}, wantErr: "can only be a directory"},
		"the root as a link":                      {upper: []item{symlink("./", "{victim}")}, wantErr: "can only be a directory"},
		"the root as a link, by a slash":          {upper: []item{symlink("/", "{victim}")}, wantErr: "can only be a directory"},
		"a file name that is too long":            {upper: []item{file(strings.Repeat("n", 256), "x")}, wantErr: "a file name of 256 bytes"},
		"a file name as long as it may be":        {upper: []item{file(strings.Repeat("n", 255), "x")}, want: strings.Repeat("n", 255) + "=x"},
		"a path that is too long":                 {upper: []item{file(strings.Repeat("d/", 2047)+"ff", "x")}, wantErr: "a path of 4096 bytes"},
		"a file as the directory of another file": {upper: []item{file("f", "x"), file("f/g", "y")}, wantErr: "not a directory"},

		// Symbolic links as directories.
		"through an absolute link":              {upper: []item{symlink("out", "{victim}"), file("out/secret", "x")}, want: "out->{victim} {victim}/ {victim}/secret=x"},
		"through a relative link":               {upper: []item{symlink("out", "{up}"), file("out/secret", "x")}, want: "out->../../victim victim/ victim/secret=x"},
		"through a link to a link":              {upper: []item{symlink("a", "{victim}"), symlink("b", "a"), file("b/secret", "x")}, want: "a->{victim} b->a {victim}/ {victim}/secret=x"},
		"through a link up and down again":      {upper: []item{folder("d"), symlink("d/out", "../../../../../../{up}"), file("d/out/secret", "x")}, want: "d/ d/out->../../../../../../../../victim victim/ victim/secret=x"},
		"through a link of a lower layer":       {lower: []item{symlink("out", "{victim}")}, upper: []item{file("out/secret", "x")}, want: "out->{victim} {victim}/ {victim}/secret=x"},
		"through a link that replaced a folder": {lower: []item{folder("d"), file("d/secret", "l")}, upper: []item{symlink("d", "{victim}"), file("d/secret", "x")}, want: "d->{victim} {victim}/ {victim}/secret=x"},
		"a link to itself as a directory":       {upper: []item{symlink("loop", "loop"), file("loop/x", "x")}, wantErr: "ELOOP"},
		"two links to each other":               {upper: []item{symlink("a", "b"), symlink("b", "a"), file("a/x", "x")}, wantErr: "ELOOP"},
		"a link to nothing is given its target": {upper: []item{symlink("lib", "usr/lib"), file("lib/x", "x")}, want: "lib->usr/lib usr/ usr/lib/ usr/lib/x=x"},
		"a dangling link that climbs":           {upper: []item{folder("d"), symlink("d/out", "../n/../../../m"), file("d/out/x", "x")}, want: "d/ d/out->../n/../../../m m/ m/x=x n/"},
		"a merged /usr of a lower layer":        {lower: []item{folder("usr/lib"), symlink("lib", "usr/lib")}, upper: []item{file("lib/x", "x")}, want: "lib->usr/lib usr/ usr/lib/ usr/lib/x=x"},
		"an absolute link stays inside":         {upper: append(passwd, symlink("localetc", "/etc"), file("localetc/hosts", "x")), want: "etc/ etc/hosts=x etc/passwd=inside localetc->/etc"},
		"a link into /proc":                     {upper: []item{symlink("p", "/proc/self/root"), file("p/x", "x")}, want: "p->/proc/self/root proc/ proc/self/ proc/self/root/ proc/self/root/x=x"},

		// The last component is never followed.
		"a file over a link":                 {upper: []item{symlink("f", "{victim}/secret"), file("f", "x")}, want: "f=x"},
		"an empty file over a link":          {upper: []item{symlink("f", "{victim}/secret"), file("f", "")}, want: "f="},
		"a file over a link of a lower one":  {lower: []item{symlink("f", "{victim}/secret")}, upper: []item{file("f", "x")}, want: "f=x"},
		"a file over a link to nothing":      {upper: []item{symlink("f", "{victim}/new"), file("f", "x")}, want: "f=x"},
		"a directory over a link":            {upper: []item{symlink("d", "{victim}"), folder("d").with(chmod777), file("d/x", "x")}, want: "d/ d/x=x"},
		"a fifo over a link":                 {upper: []item{symlink("p", "{victim}/secret"), node(tar.TypeFifo, "p", 0, 0).with(chmod777)}, want: "p|"},
		"a link over a link":                 {upper: []item{symlink("l", "{victim}/secret"), symlink("l", "x").with(chmod777)}, want: "l->x"},
		"a whiteout of a link":               {lower: []item{symlink("l", "{victim}/secret")}, upper: []item{file(".wh.l", "")}, want: ""},
		"a whiteout of a link to a folder":   {lower: []item{symlink("l", "{victim}")}, upper: []item{file(".wh.l", "")}, want: ""},
		"a whiteout through a link":          {lower: []item{symlink("l", "{victim}")}, upper: []item{file("l/.wh.secret", "")}, want: "l->{victim}"},
		"an opaque mark through a link":      {lower: []item{symlink("l", "{victim}")}, upper: []item{file("l/.wh..wh..opq", "")}, want: "l->{victim}"},
		"an opaque mark through a link up":   {lower: []item{symlink("l", "{up}")}, upper: []item{file("l/.wh..wh..opq", "")}, want: "l->../../victim"},
		"a file over a folder with links":    {lower: []item{folder("d"), symlink("d/l", "{victim}"), symlink("d/m", "{up}/sub")}, upper: []item{file("d", "x")}, want: "d=x"},
		"an opaque mark over links":          {lower: []item{folder("d"), symlink("d/l", "{victim}")}, upper: []item{file("d/.wh..wh..opq", "")}, want: "d/"},
		"a whiteout of a folder with links":  {lower: []item{folder("d"), folder("d/e"), symlink("d/e/l", "{victim}")}, upper: []item{file(".wh.d", "")}, want: ""},
		"a folder, then a link, then within": {upper: []item{folder("d"), file("d/a", "x"), symlink("d", "{victim}"), file("d/secret", "x")}, want: "d->{victim} {victim}/ {victim}/secret=x"},

		// Whiteouts with a trick.
		"a whiteout of .":                 {lower: passwd, upper: []item{file("etc/.wh..", "")}, wantErr: "a whiteout that names no file"},
		"a whiteout of ..":                {lower: passwd, upper: []item{file("etc/.wh...", "")}, wantErr: "a whiteout that names no file"},
		"a whiteout of the root":          {lower: passwd, upper: []item{file(".wh..", "")}, wantErr: "a whiteout that names no file"},
		"a whiteout of the root's parent": {lower: passwd, upper: []item{file(".wh...", "")}, wantErr: "a whiteout that names no file"},
		"a whiteout of nothing":           {lower: passwd, upper: []item{file("etc/.wh.", "")}, wantErr: "a whiteout that names no file"},
		"a whiteout as a directory":       {lower: passwd, upper: []item{file(".wh.etc/x", "x")}, wantErr: "a directory with the name of a whiteout"},
		"a whiteout by ..":                {upper: []item{file("{up}/.wh.secret", "")}, wantErr: leads},
		"an opaque mark by ..":            {upper: []item{file("{up}/.wh..wh..opq", "")}, wantErr: leads},

		// Hard links.
		"a hard link to an absolute path":      {upper: []item{hardlink("l", "{victim}/secret")}, wantErr: "ENOENT"},
		"a hard link by ..":                    {upper: []item{hardlink("l", "{up}/secret")}, wantErr: leads},
		"a hard link by .. behind a slash":     {upper: []item{hardlink("l", "/{up}/secret")}, wantErr: leads},
		"a hard link through an absolute link": {upper: []item{symlink("d", "{victim}"), hardlink("l", "d/secret")}, wantErr: "ENOENT"},
		"a hard link through a relative link":  {upper: []item{symlink("d", "{up}"), hardlink("l", "d/secret")}, wantErr: "ENOENT"},
		"a hard link to a link, then written":  {upper: []item{symlink("s", "{victim}/secret"), hardlink("l", "s"), file("l", "x")}, want: "l=x s->{victim}/secret"},
		"a hard link to a link, with a mode":   {upper: []item{symlink("s", "{victim}/secret"), hardlink("l", "s").with(chmod777)}, want: "l->{victim}/secret s->{victim}/secret"},
		"a hard link to a folder":              {upper: []item{folder("d"), hardlink("l", "d")}, wantErr: "EPERM"},
		"a hard link to the root":              {upper: []item{hardlink("l", "/")}, wantErr: "EPERM"},
		"a hard link to nothing":               {upper: []item{hardlink("l", "")}, wantErr: "an empty name"},
		"a hard link to itself":                {lower: []item{file("l", "x")}, upper: []item{hardlink("l", "./l")}, wantErr: "a hard link to itself"},
		"a hard link to itself, by a link":     {lower: append(passwd, symlink("e", "etc")), upper: []item{hardlink("etc/passwd", "e/passwd")}, wantErr: "a hard link to itself"},
		"a hard link over its own folder":      {upper: []item{folder("d"), file("d/f", "x"), hardlink("d", "d/f")}, wantErr: "ENOENT"},
	})
}
