package cp

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

type packer struct {
	ctx   context.Context //nolint:containedctx // it lives as long as one call of Pack
	tar   *tar.Writer
	links map[[2]uint64]string // device and inode of files with several names
}

// Pack writes the source as a tar stream, in which its own name is name. It takes
// what the tree holds while it runs: nothing that changes meanwhile leads out.
func (s *Source) Pack(ctx context.Context, w io.Writer, name string) error {
	p := packer{ctx: ctx, tar: tar.NewWriter(w), links: map[[2]uint64]string{}}
	if err := p.add(s.file, name); err != nil {
		return err
	}
	return p.tar.Close()
}

// add writes what f, an O_PATH descriptor, stands for.
func (p *packer) add(f *os.File, name string) error {
	if err := p.ctx.Err(); err != nil {
		return err
	}
	st, err := linux.Stat(f)
	if err != nil {
		return err
	}
	h := &tar.Header{
		Name: name, Mode: int64(st.Mode & 0o7777), Uid: int(st.Uid), Gid: int(st.Gid),
		ModTime: time.Unix(st.Mtim.Unix()), Format: tar.FormatPAX,
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return p.addFile(f, h, st)
	case unix.S_IFDIR:
		return p.addDir(f, h)
	case unix.S_IFLNK:
		buf := make([]byte, unix.PathMax)
		n, err := unix.Readlinkat(int(f.Fd()), "", buf)
		if err := linux.Failed(err, "readlinkat(%q, \"\")", name); err != nil {
			return err
		}
		h.Typeflag, h.Linkname = tar.TypeSymlink, string(buf[:n])
	case unix.S_IFIFO:
		h.Typeflag = tar.TypeFifo
	default: // a socket is nothing without its program, and devices are not for copying
		return nil
	}
	return p.tar.WriteHeader(h)
}

// maxProc is how much is taken of a file that claims to be empty, in bytes.
const maxProc = 1 << 20

// reopen opens what an O_PATH descriptor stands for, which its type has been
// read of, so it is no device and no fifo. The way leads over the machine's /proc.
func reopen(f *os.File, flags int) (*os.File, error) {
	return linux.Open(linux.FDPath(f), flags|unix.O_RDONLY|unix.O_NONBLOCK)
}

func (p *packer) addFile(f *os.File, h *tar.Header, st unix.Stat_t) error {
	if st.Nlink > 1 {
		id := [2]uint64{uint64(st.Dev), st.Ino} //nolint:unconvert // Dev is narrower on other architectures
		if first, ok := p.links[id]; ok {
			h.Typeflag, h.Linkname = tar.TypeLink, first
			return p.tar.WriteHeader(h)
		}
		p.links[id] = h.Name
	}
	data, err := reopen(f, 0)
	if err != nil {
		return err
	}
	defer data.Close()
	var content io.Reader = data
	h.Typeflag, h.Size = tar.TypeReg, st.Size
	if st.Size == 0 { // as all of /proc claims
		text, err := io.ReadAll(io.LimitReader(data, maxProc))
		if err != nil {
			return fmt.Errorf("read %s: %w", h.Name, err)
		}
		content, h.Size = bytes.NewReader(text), int64(len(text))
	}
	if err := p.tar.WriteHeader(h); err != nil {
		return err
	}
	n, err := io.CopyN(p.tar, content, h.Size)
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s became shorter while it was copied", h.Name)
	}
	if err != nil {
		return fmt.Errorf("copy byte %d of %s: %w", n, h.Name, err)
	}
	return nil
}

func (p *packer) addDir(f *os.File, h *tar.Header) error {
	prefix := h.Name
	h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
	if err := p.tar.WriteHeader(h); err != nil {
		return err
	}
	dir, err := reopen(f, unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return fmt.Errorf("read %s: %w", prefix, err)
	}
	slices.Sort(names)
	for _, name := range names {
		inside, err := linux.OpenIn(dir, name, unix.O_PATH|unix.O_NOFOLLOW, 0, unix.RESOLVE_BENEATH)
		if errors.Is(err, unix.ENOENT) { // removed meanwhile
			continue
		}
		if err != nil {
			return err
		}
		err = p.add(inside, joined(prefix, name))
		if err := errors.Join(err, inside.Close()); err != nil {
			return err
		}
	}
	return nil
}

// joined keeps the "./" by which Docker marks the contents of a directory.
func joined(dir, name string) string {
	if dir == "." {
		return "./" + name
	}
	return path.Join(dir, name)
}
