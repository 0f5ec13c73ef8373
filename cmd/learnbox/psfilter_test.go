package main

import (
	"strings"
	"testing"
	"time"

	"github.com/learnbox/learnbox/lifecycle"
)

// TestPsFilters has one row for each rule; a container is named after why it is there.
func TestPsFilters(t *testing.T) {
	at := func(s int64) time.Time { return time.Unix(s, 0) }
	list := []lifecycle.Container{
		{Record: lifecycle.Record{ID: "cc01", Name: "web-new", Created: at(4), Image: "nginx", ImageID: "sha256:1", Labels: map[string]string{"tier": "front", "x": ""}}, State: lifecycle.State{Status: lifecycle.Running}},
		{Record: lifecycle.Record{ID: "bb02", Name: "db", Created: at(3), Image: "tiny", ImageID: "sha256:2", Labels: map[string]string{"tier": "back", "x": ""}}, State: lifecycle.State{Status: lifecycle.Paused}},
		{Record: lifecycle.Record{ID: "aa03", Name: "web", Created: at(2), Image: "nginx", ImageID: "sha256:1"}, State: lifecycle.State{Status: lifecycle.Exited, ExitCode: 137}},
		{Record: lifecycle.Record{ID: "aa04", Name: "made", Created: at(1), Image: "tiny", ImageID: "sha256:2"}, State: lifecycle.State{Status: lifecycle.Created}},
		{Record: lifecycle.Record{ID: "aa05", Name: "ok", Created: at(0), Image: "tiny", ImageID: "sha256:2"}, State: lifecycle.State{Status: lifecycle.Exited}},
	}
	for what, c := range map[string]struct{ flags, want string }{
		"without flags, what has processes":  {"", "web-new db"},
		"all":                                {"-a", "web-new db web made ok"},
		"the last, whatever it does":         {"-n 4", "web-new db web made"},
		"the latest":                         {"-l", "web-new"},
		"the latest that fits":               {"-l status=exited", "web"},
		"a name is an expression":            {"-a name=web", "web-new web"},
		"with both ends, as Docker shows it": {"-a name=^/web$", "web"},
		"names are alternatives":             {"-a name=^db$ name=^ok$", "db ok"},
		"different keys must all fit":        {"-a name=web id=^aa", "web"},
		"an ID":                              {"-a id=aa03", "web"},
		"a status asks for those at rest":    {"status=exited", "web ok"},
		"statuses are alternatives":          {"status=paused status=created", "db made"},
		"an exit code of what has ended":     {"-a exited=0", "ok"},
		"exit codes are alternatives":        {"-a exited=0 exited=137", "web ok"},
		"a label":                            {"-a label=tier", "web-new db"},
		"a label with its value":             {"-a label=tier=back", "db"},
		"all labels must be there":           {"-a label=tier=back label=x=1", ""},
		"an image by its ID":                 {"-a ancestor=sha256:1", "web-new web"},
		"an image as it was typed":           {"-a ancestor=tiny", "db made ok"},
		"nothing fits":                       {"-a name=^nope$", ""},
	} {
		var cmd PsCmd
		cmd.Last = -1
		for f := range strings.FieldsSeq(c.flags) {
			switch {
			case f == "-a":
				cmd.All = true
			case f == "-l":
				cmd.Latest = true
			case f == "4":
				cmd.Last = 4
			case f != "-n":
				cmd.Filter = append(cmd.Filter, f)
			}
		}
		filters, err := parsePsFilters(cmd.Filter)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		var got []string
		for _, ct := range cmd.wanted(append([]lifecycle.Container(nil), list...), &filters) {
			got = append(got, ct.Name)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: ps %s lists %q, want %q", what, c.flags, got, c.want)
		}
	}
}

func TestLabelOfARow(t *testing.T) {
	r := row{"Labels": "a=1,b=x, y,c=,d=u=v"}
	for name, want := range map[string]string{"a": "1", "b": "x, y", "c": "", "d": "u=v", "y": "", "nope": ""} {
		if got := r.Label(name); got != want {
			t.Errorf("Label(%q) = %q, want %q", name, got, want)
		}
	}
}
