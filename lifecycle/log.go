package lifecycle

import (
	"bytes"
	"os"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"
)

// LogName is the file in a container's directory that keeps its output: a JSON
// object a line, as Docker's json-file driver writes it.
const LogName = "log"

// logLimit is the size in bytes at which a log begins anew. The one before is
// kept beside it, so that at least as much can be read.
const logLimit = 16 << 20

// A logWriter writes what a program says. The file is made with the first
// output, so that a silent program costs nothing. What cannot be written is
// lost: a full disk must not stop the program.
type logWriter struct {
	path string

	mu   sync.Mutex
	f    *os.File
	size int64
	line bytes.Buffer
	cut  map[string][]byte // of each stream: the beginning of a character whose rest has not come
}

// write logs a chunk of a stream. A record is a line, or what there was of it: whoever
// follows the log sees it at once, and nothing is kept in memory. Readers join the parts.
func (l *logWriter) write(stream string, chunk []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if begun := l.cut[stream]; len(begun) > 0 {
		chunk = append(begun, chunk...)
	}
	whole := wholeCharacters(chunk)
	l.cut[stream] = bytes.Clone(chunk[whole:])
	l.add(stream, chunk[:whole])
}

// wholeCharacters is the length of a text without a character at its end that is not
// whole. A chunk ends where the buffer was full, which may be in the middle of one, and
// half a character cannot be written as JSON.
func wholeCharacters(text []byte) int {
	for i := len(text) - 1; i >= max(0, len(text)-utf8.UTFMax); i-- {
		if utf8.RuneStart(text[i]) {
			if utf8.FullRune(text[i:]) {
				break
			}
			return i
		}
	}
	return len(text)
}

func (l *logWriter) add(stream string, chunk []byte) {
	if len(chunk) == 0 {
		return
	}
	now := time.Now().UTC().AppendFormat(nil, time.RFC3339Nano)
	l.line.Reset()
	for len(chunk) > 0 {
		end := bytes.IndexByte(chunk, '\n') + 1
		if end == 0 {
			end = len(chunk)
		}
		l.line.WriteString(`{"log":"`)
		escape(&l.line, chunk[:end])
		l.line.WriteString(`","stream":"`)
		l.line.WriteString(stream)
		l.line.WriteString(`","time":"`)
		l.line.Write(now)
		l.line.WriteString("\"}\n")
		chunk = chunk[end:]
	}
	if l.f == nil || l.size > logLimit {
		l.open()
	}
	if l.f != nil {
		n, _ := l.f.Write(l.line.Bytes())
		l.size += int64(n)
	}
}

// open begins the file, or goes on with it. A file that has grown too large
// becomes the one before.
func (l *logWriter) open() {
	if l.f != nil {
		l.f.Close()
		_ = os.Rename(l.path, l.path+".1")
	}
	l.f, l.size = nil, 0
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return
	}
	if info, err := f.Stat(); err == nil {
		l.size = info.Size()
	}
	l.f = f
}

func (l *logWriter) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for stream, begun := range l.cut { // their rest will not come
		l.add(stream, begun)
	}
	if l.f != nil {
		l.f.Close()
	}
}

// escape writes bytes as the inside of a JSON string. Bytes that are no UTF-8
// become the replacement character, as JSON has nothing else for them.
func escape(to *bytes.Buffer, s []byte) {
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		size := 1
		if c >= utf8.RuneSelf {
			var r rune
			if r, size = utf8.DecodeRune(s[i:]); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		to.Write(s[start:i])
		switch c {
		case '\n':
			to.WriteString(`\n`)
		case '\r':
			to.WriteString(`\r`)
		case '\t':
			to.WriteString(`\t`)
		case '"', '\\':
			to.WriteByte('\\')
			to.WriteByte(c)
		default:
			if c >= utf8.RuneSelf {
				to.WriteString(`\ufffd`)
				break
			}
			to.WriteString(`\u00`)
			if c < 16 {
				to.WriteByte('0')
			}
			to.WriteString(strconv.FormatUint(uint64(c), 16))
		}
		i += size
		start = i
	}
	to.Write(s[start:])
}
