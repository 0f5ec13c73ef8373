package seccomp

import "slices"

// A segment is a range of system call numbers that get the same answer; it
// reaches up to the next segment.
type segment struct {
	first uint32
	answer
}

// An answer is what a call gets: that of the first rule whose conditions hold,
// else the plain verdict.
type answer struct {
	rules []rule
	plain verdict
}

// segments orders a ruleset by number. Numbers that no rule names lie between
// the calls and behind them, and get one of three answers:
//
//   - up to the newest call that the profile names: the profile's default;
//   - above it, if the default refuses: ENOSYS. Such a call is younger than the
//     profile. A libc tries the new call, and falls back to the old one when it
//     hears "no such call"; "not permitted" it reports to the program as the
//     result. New libcs in old containers break that way, and runc does the same
//     since 1.0.0-rc93.
//   - x32, on amd64: ENOSYS. That is what a kernel built without x32 says,
//     which most are; a third table of numbers would be one more thing to
//     attack (CVE-2014-0038 was in x32 only). Docker's profile lists x32, and
//     with libseccomp allows it.
func (s ruleset) segments() []segment {
	gaps := []segment{{0, answer{plain: s.other}}}
	if s.newest >= 0 && !s.other.permissive() {
		gaps = append(gaps, segment{uint32(s.newest + 1), answer{plain: errno | enosys}})
	}
	if s.abi.special == x32Bit {
		gaps = append(gaps, segment{x32Bit, answer{plain: errno | enosys}})
	}

	var out []segment
	add := func(first uint32, a answer) {
		if n := len(out); n > 0 && len(a.rules) == 0 && len(out[n-1].rules) == 0 && out[n-1].plain == a.plain {
			return
		}
		out = append(out, segment{first, a})
	}
	next := uint64(0) // the lowest number without an answer yet
	fill := func(end uint64) {
		for i, g := range gaps {
			last := uint64(1) << 32
			if i+1 < len(gaps) {
				last = uint64(gaps[i+1].first)
			}
			if from := max(next, uint64(g.first)); from < min(end, last) {
				add(uint32(from), g.answer)
			}
		}
	}
	for rules := s.sorted(); len(rules) > 0; {
		nr, n := rules[0].number, 1
		for n < len(rules) && rules[n].number == nr {
			n++
		}
		fill(uint64(nr))
		add(nr, s.answerTo(rules[:n]))
		next, rules = uint64(nr)+1, rules[n:]
	}
	fill(1 << 32)
	return out
}

// sorted are the rules by number, those for one number in the profile's order.
// The keys sort four times as fast as the rules would.
func (s ruleset) sorted() []rule {
	keys := make([]uint64, len(s.rules))
	for i, r := range s.rules {
		keys[i] = uint64(r.number)<<32 | uint64(i)
	}
	slices.Sort(keys)
	out := make([]rule, len(keys))
	for i, k := range keys {
		out[i] = s.rules[uint32(k)]
	}
	return out
}

// answerTo joins the rules for one call. A rule without conditions beats those
// that have some, wherever it stands in the profile, and the first of its kind
// beats a later one: this is libseccomp's order. It makes Docker's profile
// work, where CAP_SYS_ADMIN adds a rule for clone without conditions.
func (s ruleset) answerTo(rules []rule) answer {
	for _, r := range rules {
		if len(r.conditions) == 0 {
			return answer{plain: r.verdict}
		}
	}
	return answer{rules: rules, plain: s.other}
}
