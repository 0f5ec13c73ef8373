package spec

import (
	"cmp"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/moby/sys/signal"
)

// maxSignal is SIGRTMAX (signal(7)).
const maxSignal = 64

// buildLabels joins the image's labels and --label NAME[=VALUE].
func buildLabels(in *Input, res *Result) error {
	res.Labels = map[string]string{}
	maps.Copy(res.Labels, in.Image.Labels)
	for _, flag := range in.Options.Labels {
		name, value, _ := strings.Cut(flag, "=")
		name = strings.TrimLeft(name, " \t")
		if name == "" || strings.ContainsAny(name, " \t") {
			return fmt.Errorf("--label %q: want NAME=VALUE, and no blanks in the name", flag)
		}
		res.Labels[name] = value
	}
	return nil
}

// buildStopSignal takes --stop-signal, else the image's, else SIGTERM: a name, with or
// without SIG, or a number.
func buildStopSignal(in *Input, res *Result) error {
	name := cmp.Or(in.Options.StopSignal, in.Image.StopSignal, "SIGTERM")
	if n, err := strconv.Atoi(name); err == nil {
		if n < 1 || n > maxSignal {
			return fmt.Errorf("stop signal %q: signals go from 1 to %d", name, maxSignal)
		}
		res.StopSignal = strconv.Itoa(n)
		return nil
	}
	if _, err := signal.ParseSignal(name); err != nil {
		return hinted("signal(7) lists them, as in SIGTERM, INT or 15", "stop signal %q is unknown", name)
	}
	res.StopSignal = "SIG" + strings.TrimPrefix(strings.ToUpper(name), "SIG")
	return nil
}
