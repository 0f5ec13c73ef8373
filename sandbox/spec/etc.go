package spec

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"
)

// Etc is what the three files hold that every container has of its own in /etc.
type Etc struct{ Hosts, Hostname, ResolvConf string }

// ownHosts are the names that a container with its own network starts with (hosts(5)):
// Docker's.
const ownHosts = "127.0.0.1\tlocalhost\n" +
	"::1\tlocalhost ip6-localhost ip6-loopback\n" +
	"fe00::0\tip6-localnet\n" +
	"ff00::0\tip6-mcastprefix\n" +
	"ff02::1\tip6-allnodes\n" +
	"ff02::2\tip6-allrouters\n"

// buildEtc writes the files' contents. With the host's network a container has the
// host's names and name servers; --add-host, --dns and --dns-search count in either.
func buildEtc(in *Input, res *Result) error {
	hosts := ownHosts
	if in.Options.Network == modeHost {
		hosts = in.Host.Hosts
	}
	if hosts != "" && !strings.HasSuffix(hosts, "\n") {
		hosts += "\n"
	}
	for _, flag := range in.Options.AddHost {
		line, err := hostLine(flag)
		if err != nil {
			return fmt.Errorf("--add-host %q: %w", flag, err)
		}
		hosts += line
	}
	resolv, err := resolvConf(in)
	if err != nil {
		return err
	}
	res.Etc = Etc{Hosts: hosts, Hostname: res.Hostname + "\n", ResolvConf: resolv}
	return nil
}

// hostLine reads NAME:ADDRESS, or NAME=ADDRESS as newer Dockers write for IPv6.
func hostLine(flag string) (string, error) {
	i := strings.IndexAny(flag, "=:")
	if i < 1 || !isWord(flag[:i]) {
		return "", hinted("the form is NAME:ADDRESS, as in db:10.0.0.5", "no name")
	}
	name, text := flag[:i], flag[i+1:]
	if text == "host-gateway" {
		return "", hinted("write the host's address", "host-gateway: there is no bridge to the host yet")
	}
	if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		text = text[1 : len(text)-1]
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return "", fmt.Errorf("%q is not an IP address", text)
	}
	return addr.String() + "\t" + name + "\n", nil
}

// resolvConf takes the host's file (resolv.conf(5)) and replaces what the flags name. A
// name server on the host's loopback is no use to a container with a loopback of its
// own; Docker then asks Google's, we ask nobody whom the user did not name.
func resolvConf(in *Input) (string, error) {
	var out strings.Builder
	search := strings.Join(in.Options.DNSSearch, " ")
	for _, domain := range in.Options.DNSSearch {
		if !isWord(domain) {
			return "", fmt.Errorf("--dns-search %q is not a domain", domain)
		}
	}
	if search != "" && search != "." {
		fmt.Fprintf(&out, "search %s\n", search)
	}
	for _, server := range in.Options.DNS {
		addr, err := netip.ParseAddr(strings.TrimSpace(server))
		if err != nil {
			return "", fmt.Errorf("--dns %q is not an IP address", server)
		}
		fmt.Fprintf(&out, "nameserver %s\n", addr)
	}
	for line := range strings.Lines(in.Host.ResolvConf) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		switch fields[0] {
		case "nameserver":
			if len(in.Options.DNS) > 0 || in.Options.Network != modeHost && isLoopback(fields[1]) {
				continue
			}
		case "search", "domain":
			if search != "" {
				continue
			}
		case "options", "sortlist":
		default: // a comment
			continue
		}
		out.WriteString(strings.Join(fields, " ") + "\n")
	}
	return out.String(), nil
}

func isLoopback(text string) bool {
	addr, err := netip.ParseAddr(text)
	return err == nil && addr.IsLoopback()
}

// isWord: it fits into one field of one line.
func isWord(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r == '#' })
}
