package rootfs

import "testing"

func TestOverlayOptionsEscapeSeparators(t *testing.T) {
	o := Overlay{Lower: `/a:b`, Upper: `/c,d`, Work: `/e\f`}
	got, want := o.options(), `lowerdir=/a\:b,upperdir=/c\,d,workdir=/e\\f`
	if got != want {
		t.Errorf("options() = %s, want %s", got, want)
	}
}
