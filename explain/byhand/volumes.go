package byhand

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/sandbox/spec"
)

// volumeAt is the volume that is mounted at a place, or nil.
func (in *Input) volumeAt(dest string) *spec.Volume {
	for _, v := range in.Built.Volumes {
		if v.Destination == dest {
			return &v
		}
	}
	return nil
}

// volume makes the place for a volume, and fills the volume if it is empty. An anonymous one
// goes with the script's container, so it lies beside that; one with a name is learnbox's.
func (in *Input) volume(v *spec.Volume, m specs.Mount) (source string, lines []string) {
	source = quote(m.Source)
	where := "dir_at " + quote(m.Destination)
	if v.Anonymous {
		source = `"$dir/volumes/` + v.Name + `"`
		lines = []string{"mkdir -p " + source}
	} else {
		lines = []string{"[ -d " + source + " ] || die " + quote("learnbox volume create "+v.Name+" makes the volume")}
	}
	if v.Subpath != "" {
		source = quote(m.Source + "/" + v.Subpath)
		lines = append(lines, comment("learnbox refuses a link that leads out of the volume (openat2(2), RESOLVE_BENEATH); a shell cannot.")...)
		return source, append(lines, "if [ -d "+source+" ]; then "+where+"; else file_at "+quote(m.Destination)+"; fi")
	}
	lines = append(lines, where)
	if v.Copy {
		lines = append(lines, comment("An empty volume is filled with what the image has there.")...)
		lines = append(lines, `[ -n "$(ls -A `+source+`)" ] || cp -a "$at/." `+source)
	}
	return source, lines
}
