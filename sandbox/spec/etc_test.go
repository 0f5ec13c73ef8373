package spec

import (
	"encoding/json"
	"testing"
)

func sameJSON(t *testing.T, a, b any) bool {
	t.Helper()
	ja, errA := json.Marshal(a)
	jb, errB := json.Marshal(b)
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	return string(ja) == string(jb)
}

func TestHostsFile(t *testing.T) {
	for what, c := range map[string]struct {
		options Options
		want    string
	}{
		"own":              {Options{}, ownHosts},
		"--network none":   {Options{Network: "none"}, ownHosts},
		"the host's":       {Options{Network: "host"}, "127.0.0.1 localhost\n10.1.2.3 laptop\n"},
		"--add-host":       {Options{AddHost: []string{"db:10.0.0.5", "six:2001:DB8::1", "b=[::2]"}}, ownHosts + "10.0.0.5\tdb\n2001:db8::1\tsix\n::2\tb\n"},
		"both":             {Options{Network: "host", AddHost: []string{"db:10.0.0.5"}}, "127.0.0.1 localhost\n10.1.2.3 laptop\n10.0.0.5\tdb\n"},
		"the same twice":   {Options{AddHost: []string{"a:1.1.1.1", "a:2.2.2.2"}}, ownHosts + "1.1.1.1\ta\n2.2.2.2\ta\n"},
		"address, then ==": {Options{AddHost: []string{"a=1.1.1.1"}}, ownHosts + "1.1.1.1\ta\n"},
	} {
		if got := must(t, func(in *Input) { in.Options = c.options }).Etc.Hosts; got != c.want {
			t.Errorf("%s: /etc/hosts %q, want %q", what, got, c.want)
		}
	}
	res := must(t, func(in *Input) {
		in.Options = Options{Network: "host", AddHost: []string{"a:1.1.1.1"}}
		in.Host.Hosts = "::1 x"
	})
	if got, want := res.Etc.Hosts, "::1 x\n1.1.1.1\ta\n"; got != want {
		t.Errorf("no newline at the end: /etc/hosts %q, want %q", got, want)
	}
	for _, bad := range []string{"", "db", "db:", ":1.2.3.4", "db:nope", "a b:1.2.3.4", "a\n:1.2.3.4", "db:host-gateway", "db:1.2.3.4:5", "a#:1.1.1.1"} {
		_, err := with(func(in *Input) { in.Options.AddHost = []string{bad} })
		refused(t, "--add-host "+bad, err, "--add-host")
	}
}

func TestResolvConf(t *testing.T) {
	const host = "# c\n; d\nnameserver 127.0.0.53\nnameserver 10.0.0.53\nnameserver ::1\nsearch a.example b.example\noptions ndots:2 edns0\nsortlist 1.2.3.4\n\nbogus x\nnameserver\n"
	for what, c := range map[string]struct {
		options Options
		want    string
	}{
		"own":            {Options{}, "nameserver 10.0.0.53\nsearch a.example b.example\noptions ndots:2 edns0\nsortlist 1.2.3.4\n"},
		"the host's":     {Options{Network: "host"}, "nameserver 127.0.0.53\nnameserver 10.0.0.53\nnameserver ::1\nsearch a.example b.example\noptions ndots:2 edns0\nsortlist 1.2.3.4\n"},
		"--dns":          {Options{DNS: []string{"9.9.9.9", " 2620:FE::FE"}}, "nameserver 9.9.9.9\nnameserver 2620:fe::fe\nsearch a.example b.example\noptions ndots:2 edns0\nsortlist 1.2.3.4\n"},
		"--dns-search":   {Options{DNSSearch: []string{"x.y", "z"}}, "search x.y z\nnameserver 10.0.0.53\noptions ndots:2 edns0\nsortlist 1.2.3.4\n"},
		"--dns-search .": {Options{DNSSearch: []string{"."}}, "nameserver 10.0.0.53\noptions ndots:2 edns0\nsortlist 1.2.3.4\n"},
	} {
		res := must(t, func(in *Input) { in.Options, in.Host.ResolvConf = c.options, host })
		if got := res.Etc.ResolvConf; got != c.want {
			t.Errorf("%s: /etc/resolv.conf %q\nwant %q", what, got, c.want)
		}
	}
	for _, bad := range []Options{
		{DNS: []string{""}}, {DNS: []string{"dns.example"}}, {DNS: []string{"1.2.3.4\nx"}}, {DNSSearch: []string{""}}, {DNSSearch: []string{"a\nnameserver 1.1.1.1"}},
	} {
		_, err := with(func(in *Input) { in.Options = bad })
		refused(t, "a bad --dns or --dns-search", err, "--dns")
	}
}
