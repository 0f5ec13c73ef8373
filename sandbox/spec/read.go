package spec

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// MaxSize is the largest config.json that Read takes, in bytes. Docker's for a
// privileged container have 30 KiB.
const MaxSize = 4 << 20

// Read decodes one config.json: a single JSON value, at most MaxSize bytes, nothing
// behind it. A number that does not fit its field, or a string in place of one, is an
// error and never 0. Properties that we do not know are passed over, as the
// specification demands (config.md, "Extensibility").
//
// What it says is not checked yet: see Validate.
func Read(r io.Reader) (*specs.Spec, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read config.json: %w", err)
	}
	if len(b) > MaxSize {
		return nil, fmt.Errorf("read config.json: larger than %d bytes", MaxSize)
	}
	var s *specs.Spec
	if err := json.Unmarshal(b, &s); err != nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			return nil, fmt.Errorf("read config.json: byte %d: %w", syntax.Offset, err)
		}
		return nil, fmt.Errorf("read config.json: %w", err)
	}
	if s == nil {
		return nil, errors.New("read config.json: it is null")
	}
	return s, nil
}
