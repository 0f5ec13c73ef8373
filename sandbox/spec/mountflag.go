package spec

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// A mountFlag is one --mount, read but not yet understood.
type mountFlag struct {
	kind, source, dest string
	bind               bindOptions
	size               int64  // of a tmpfs, in bytes
	mode               uint64 // of a tmpfs, permission bits
	// The keys seen that belong to one kind only, to refuse them with another.
	bindKey, tmpfsKey, volumeKey string
	volume                       Volume
}

// parseMount reads the value of --mount: key=value pairs as one record of CSV
// (RFC 4180), so that a value with a comma can be quoted.
func parseMount(raw, dir string) (request, error) {
	r := csv.NewReader(strings.NewReader(raw))
	fields, err := r.Read()
	if errors.Is(err, io.EOF) {
		return request{}, errors.New("it is empty: want type=volume|bind|tmpfs,source=…,target=…")
	}
	if err != nil {
		return request{}, err
	}
	if _, err := r.Read(); !errors.Is(err, io.EOF) {
		return request{}, errors.New("more than one line")
	}
	m := mountFlag{kind: "volume"} // Docker's default
	for _, f := range fields {
		key, value, hasValue := strings.Cut(f, "=")
		if err := m.set(key, value, hasValue); err != nil {
			return request{}, err
		}
	}
	return m.request(dir)
}

func (m *mountFlag) set(key, value string, hasValue bool) error {
	var err error
	switch key {
	case "type":
		m.kind = strings.ToLower(value)
	case "source", "src":
		m.source = value
	case "target", "dst", "destination":
		m.dest = value
	case "readonly", "ro":
		m.bind.readOnly, err = boolean(value, hasValue)
		hasValue = true
	case "consistency": // for Docker Desktop
	case "bind-propagation":
		m.bindKey, m.bind.propagation = key, strings.ToLower(value)
		if !isPropagation(m.bind.propagation) {
			err = errors.New("unknown propagation")
		}
	case "bind-nonrecursive":
		m.bindKey = key
		m.bind.flat, err = boolean(value, hasValue)
		hasValue = true
	case "tmpfs-size":
		m.tmpfsKey = key
		m.size, err = parseSize(value)
	case "tmpfs-mode":
		m.tmpfsKey = key
		if m.mode, err = strconv.ParseUint(value, 8, 12); err != nil {
			err = errors.New("want an octal number, as in 1777")
		}
	case "volume-nocopy":
		m.volumeKey = key
		m.bind.noCopy, err = boolean(value, hasValue)
		hasValue = true
	case "volume-label", "volume-driver", "volume-opt", "volume-subpath":
		m.volumeKey = key
		err = m.setVolume(key, value)
	default:
		return fmt.Errorf("unknown key %q", key)
	}
	if err != nil {
		return fmt.Errorf("%s=%s: %w", key, value, err)
	}
	if !hasValue {
		return fmt.Errorf("key %q needs a value, as in %s=…", key, key)
	}
	return nil
}

// boolean takes a key alone for true.
func boolean(value string, hasValue bool) (bool, error) {
	if !hasValue {
		return true, nil
	}
	b, err := strconv.ParseBool(value)
	if err != nil {
		return false, errors.New("want true or false")
	}
	return b, nil
}

func (m *mountFlag) request(dir string) (request, error) {
	switch m.kind {
	case "bind", "tmpfs", "volume":
	default:
		return request{}, hinted("offered are: volume, bind, tmpfs", "unknown type %q", m.kind)
	}
	if m.dest == "" {
		return request{}, errors.New("no target")
	}
	dest, err := destination(m.dest)
	if err != nil {
		return request{}, err
	}
	for prefix, key := range map[string]string{"bind": m.bindKey, "tmpfs": m.tmpfsKey, "volume": m.volumeKey} {
		if key != "" && prefix != m.kind {
			return request{}, fmt.Errorf("key %q does not go with type %s", key, m.kind)
		}
	}
	if m.kind == "tmpfs" {
		if m.source != "" {
			return request{}, errors.New("a tmpfs has no source")
		}
		return request{mount: m.tmpfs(dest)}, nil
	}
	if m.kind == "volume" {
		return m.volumeRequest(dest)
	}
	switch {
	case m.source == "":
		return request{}, errors.New("no source")
	case hasNUL(m.source), !path.IsAbs(m.source) && m.source[0] != '.':
		return request{}, hinted("write it from the root on, or with ./ in front", "source %q is not an absolute path", m.source)
	}
	return request{mount: bind(absolute(dir, m.source), dest, m.bind), mustExist: true}, nil
}

func (m *mountFlag) tmpfs(dest string) specs.Mount {
	options := tmpfsDefaults()
	if m.bind.readOnly {
		options = append(options, "ro")
	}
	if m.mode != 0 {
		options = append(options, fmt.Sprintf("mode=%o", m.mode))
	}
	if m.size != 0 {
		options = append(options, "size="+shortSize(m.size))
	}
	return specs.Mount{Destination: dest, Type: "tmpfs", Source: "tmpfs", Options: options}
}

// shortSize prints bytes with the largest unit that divides them, as Docker does.
func shortSize(size int64) string {
	unit := ""
	for _, u := range []string{"k", "m", "g"} {
		if size%1024 != 0 {
			break
		}
		size, unit = size/1024, u
	}
	return strconv.FormatInt(size, 10) + unit
}
