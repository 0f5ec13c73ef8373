package main

// A keyWatch finds the keys that detach in what a user types. Keys that may be the
// beginning of them are held back until the next one tells.
type keyWatch struct {
	keys []byte // none: nothing detaches
	held int    // so many of them were typed
}

// pass returns what is to be typed into the container, and whether the user leaves.
func (w *keyWatch) pass(typed []byte) (on []byte, leaves bool) {
	if len(w.keys) == 0 {
		return typed, false
	}
	for _, b := range typed {
		if b != w.keys[w.held] {
			on, w.held = append(on, w.keys[:w.held]...), 0
		}
		if b != w.keys[w.held] {
			on = append(on, b)
			continue
		}
		if w.held++; w.held == len(w.keys) {
			return on, true
		}
	}
	return on, false
}

// detachFlags are for verbs that sit at a container's terminal.
type detachFlags struct {
	DetachKeys string `placeholder:"KEYS" help:"Keys that leave the container alone, on a terminal (default ctrl-p,ctrl-q)."`
}

func (f *detachFlags) keys() ([]byte, error) {
	return parseKeys(firstOf(f.DetachKeys, "ctrl-p,ctrl-q"))
}

// parseKeys reads Docker's notation: letters, and ctrl- with one of them or of
// @ [ \ ] ^ _, between commas.
func parseKeys(s string) ([]byte, error) {
	var keys []byte
	for _, word := range commaList(s) {
		letter, ctrl := word, false
		if len(word) == 6 && word[:5] == "ctrl-" {
			letter, ctrl = word[5:], true
		}
		switch {
		case len(letter) != 1:
			return nil, usageError("--detach-keys %s: %q is no key", s, word)
		case ctrl && letter[0] >= 'a' && letter[0] <= 'z':
			keys = append(keys, letter[0]-'a'+1)
		case ctrl && letter[0] >= '@' && letter[0] <= '_':
			keys = append(keys, letter[0]-'@')
		case ctrl:
			return nil, usageError("--detach-keys %s: %q is no key", s, word)
		default:
			keys = append(keys, letter[0])
		}
	}
	return keys, nil
}
