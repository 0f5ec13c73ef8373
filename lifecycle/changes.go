package lifecycle

// A Change is one path that a container has, or has no more, other than its image.
type Change struct {
	Kind ChangeKind
	Path string // from the container's root, beginning with a slash
}

// A ChangeKind is Docker's letter for what happened.
type ChangeKind byte

// The kinds of changes.
const (
	Added   ChangeKind = 'A'
	Changed ChangeKind = 'C'
	Deleted ChangeKind = 'D'
)
