package caps

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// dockerMask is CapEff of a container that Docker started with no options.
const dockerMask = 0xa80425fb

func TestDefaultIsDockers(t *testing.T) {
	if got := Default(); got != dockerMask {
		t.Errorf("Default() = %#x, want %#x", uint64(got), dockerMask)
	}
	if got, want := len(Default().Names()), 14; got != want {
		t.Errorf("Default() has %d names, want %d", got, want)
	}
	if got, want := Default().Hex(), "00000000a80425fb"; got != want {
		t.Errorf("Default().Hex() = %s, want %s", got, want)
	}
}

func TestSetPrintsItsNames(t *testing.T) {
	for what, c := range map[string]struct {
		set  Set
		want string
	}{
		"nothing":            {0, "0"},
		"the first":          {1, "CAP_CHOWN"},
		"in kernel order":    {1<<21 | 1<<12, "CAP_NET_ADMIN|CAP_SYS_ADMIN"},
		"the last with name": {1 << 40, "CAP_CHECKPOINT_RESTORE"},
		"newer than we are":  {1<<41 | 1<<63, "CAP_41|CAP_63"},
	} {
		if got := c.set.String(); got != c.want {
			t.Errorf("%s: Set(%#x).String() = %s, want %s", what, uint64(c.set), got, c.want)
		}
	}
}

func TestUpTo(t *testing.T) {
	for last, want := range map[int]Set{-1: 0, 0: 1, 40: 1<<41 - 1, 62: 1<<63 - 1, 63: ^Set(0), 99: ^Set(0)} {
		if got := UpTo(last); got != want {
			t.Errorf("UpTo(%d) = %#x, want %#x", last, uint64(got), uint64(want))
		}
	}
	if got := All(); got != UpTo(40) {
		t.Errorf("All() = %v, want the 41 of Linux 5.9", got)
	}
}

func TestParse(t *testing.T) {
	for word, want := range map[string]Set{
		"NET_ADMIN": 1 << 12, "CAP_NET_ADMIN": 1 << 12, "net_admin": 1 << 12, "Cap_Net_Admin": 1 << 12,
		"chown": 1, "CHECKPOINT_RESTORE": 1 << 40, "ALL": All(), "all": All(),
	} {
		got, err := Parse(word)
		if err != nil || got != want {
			t.Errorf("Parse(%q) = %v, %v, want %v", word, got, err, want)
		}
	}
	for _, word := range []string{"", "CAP_", "CAP_CAP_CHOWN", "NET-ADMIN", "NET_ADMIN ", "CAP_ALL", "41", "CAP_41", "CHOWN,KILL"} {
		got, err := Parse(word)
		var unknown *UnknownError
		if !errors.As(err, &unknown) || got != 0 {
			t.Errorf("Parse(%q) = %v, %v, want 0 and an *UnknownError", word, got, err)
			continue
		}
		if unknown.Name != word || unknown.Hint() == "" {
			t.Errorf("Parse(%q): error about %q, hint %q", word, unknown.Name, unknown.Hint())
		}
	}
}

func TestNamesAndParseAllAreInverse(t *testing.T) {
	for n := range 41 {
		s := Set(1) << n
		if got, err := ParseAll(s.Names()); err != nil || got != s {
			t.Errorf("ParseAll(%v) = %v, %v", s.Names(), got, err)
		}
	}
}

func TestChooseFollowsDocker(t *testing.T) {
	chown, admin := set("CAP_CHOWN"), set("CAP_NET_ADMIN")
	for what, c := range map[string]struct {
		add, drop        []string
		chosen, explicit Set
	}{
		"nothing said":            {nil, nil, Default(), 0},
		"one more":                {[]string{"NET_ADMIN"}, nil, Default() | admin, admin},
		"one less":                {nil, []string{"CHOWN"}, Default() &^ chown, 0},
		"one more and one less":   {[]string{"net_admin"}, []string{"cap_chown"}, Default()&^chown | admin, admin},
		"in both: it is there":    {[]string{"CHOWN"}, []string{"CHOWN"}, Default(), chown},
		"a default asked for":     {[]string{"CHOWN"}, nil, Default(), chown},
		"drop all":                {nil, []string{"ALL"}, 0, 0},
		"drop all, add one":       {[]string{"CHOWN"}, []string{"all"}, chown, chown},
		"add all":                 {[]string{"ALL"}, nil, All(), All()},
		"add all, drop one":       {[]string{"ALL"}, []string{"CHOWN"}, All() &^ chown, All() &^ chown},
		"add all beats drop all":  {[]string{"ALL"}, []string{"ALL"}, All(), All()},
		"add all, drop all + one": {[]string{"ALL"}, []string{"ALL", "CHOWN"}, All() &^ chown, All() &^ chown},
	} {
		chosen, explicit, err := Choose(c.add, c.drop)
		if err != nil || chosen != c.chosen || explicit != c.explicit {
			t.Errorf("%s: Choose(%q, %q) = %v, %v, %v\nwant %v, %v", what, c.add, c.drop, chosen, explicit, err, c.chosen, c.explicit)
		}
	}
	for _, c := range [][2][]string{{{"ALL", "FOO"}, nil}, {nil, {"FOO"}}} {
		if _, _, err := Choose(c[0], c[1]); err == nil || !strings.Contains(err.Error(), `"FOO"`) {
			t.Errorf("Choose(%q, %q): error %v, want one about FOO", c[0], c[1], err)
		}
	}
}

func TestParseStatus(t *testing.T) {
	const status = "Name:\tsh\nCapInh:\t0000000000000001\nCapPrm:\t00000000a80425fb\n" +
		"CapEff:\t0000000000000002\nCapBnd:\t000001ffffffffff\n"
	want := State{Inheritable: 1, Permitted: dockerMask, Effective: 2, Bounding: All()}
	if got, err := ParseStatus(strings.NewReader(status)); err != nil || got != want {
		t.Errorf("without CapAmb: ParseStatus = %+v, %v, want %+v", got, err, want)
	}
	want.Ambient = 4
	if got, err := ParseStatus(strings.NewReader(status + "CapAmb:\t0000000000000004\n")); err != nil || got != want {
		t.Errorf("ParseStatus = %+v, %v, want %+v", got, err, want)
	}
	for what, text := range map[string]string{
		"empty":      "",
		"not hex":    strings.Replace(status, "a80425fb", "xyz", 1),
		"no CapBnd":  strings.Replace(status, "CapBnd", "Other", 1),
		"too many":   strings.Replace(status, "00000000a80425fb", "1ffffffffffffffff", 1),
		"huge lines": strings.Repeat("x", 1<<17),
	} {
		if got, err := ParseStatus(strings.NewReader(text)); err == nil {
			t.Errorf("%s: ParseStatus = %+v, want an error", what, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"ALL", "cap_chown", "CAP_CAP_", "ſETUID", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, word string) {
		s, err := Parse(word)
		if (s == 0) != (err != nil) {
			t.Fatalf("Parse(%q) = %v, %v", word, s, err)
		}
		if err == nil && s != All() && !slices.Contains(s.Names(), "CAP_"+strings.TrimPrefix(strings.ToUpper(word), "CAP_")) {
			t.Fatalf("Parse(%q) = %v", word, s)
		}
	})
}
