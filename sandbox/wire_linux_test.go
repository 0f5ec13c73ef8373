package sandbox

import (
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fill gives every exported field below v a value that is not zero, but for the
// fields of the OCI specification that the init does not act on.
func fill(t *testing.T, v reflect.Value, path string) {
	t.Helper()
	if slices.Contains(notSent, path) {
		return
	}
	switch v.Kind() { //nolint:exhaustive // the rest is a plan's to need first
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString(path)
	case reflect.Int, reflect.Int64:
		v.SetInt(-7)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(200)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), path)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(t, v.Index(0), path)
		fill(t, v.Index(1), path)
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"b": path, "a": ""}))
	case reflect.Struct:
		for field, value := range v.Fields() {
			if field.IsExported() {
				fill(t, value, path+"."+field.Name)
			}
		}
	default:
		t.Fatalf("%s is a %s; the test must learn to fill it", path, v.Kind())
	}
}

// notSent are the fields of the specification that the init has no use for:
// other systems', those that the parent acts on, and what learnbox never sets.
var notSent = []string{
	"plan.Process.ConsoleSize", "plan.Process.CommandLine", "plan.Process.User.Username",
	"plan.Process.Capabilities.Effective", "plan.Process.Capabilities.Inheritable",
	"plan.Process.Capabilities.Permitted", "plan.Process.Capabilities.Ambient",
	"plan.Process.ApparmorProfile", "plan.Process.SelinuxLabel",
	"plan.Process.Scheduler", "plan.Process.IOPriority", "plan.Process.ExecCPUAffinity",
	"plan.Mounts.UIDMappings", "plan.Mounts.GIDMappings",
}

// TestWireCarriesEveryField fails for a new field that a plan or message has and
// its list of fields lacks.
func TestWireCarriesEveryField(t *testing.T) {
	for _, c := range []struct {
		name     string
		in, out  wired
		internal cmp.Option
	}{
		{"plan", new(plan), new(plan), cmp.AllowUnexported(plan{})},
		{"message", new(message), new(message), cmp.AllowUnexported(StepError{})},
		{"order", new(order), new(order), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			fill(t, reflect.ValueOf(c.in).Elem(), c.name)
			data := encode(c.in)
			if err := decode(data, c.out); err != nil {
				t.Fatal(err)
			}
			opts := []cmp.Option{}
			if c.internal != nil {
				opts = append(opts, c.internal)
			}
			if diff := cmp.Diff(c.in, c.out, opts...); diff != "" {
				t.Errorf("what arrived differs (-sent +arrived):\n%s", diff)
			}
			for cut := range data {
				if err := decode(data[:cut], reflect.New(reflect.TypeOf(c.out).Elem()).Interface().(wired)); err == nil { //nolint:forcetypeassert // as in the table
					t.Fatalf("the first %d of %d bytes were taken for a whole message", cut, len(data))
				}
			}
			if err := decode(append(data, 0), c.out); err == nil {
				t.Error("a byte too many went unnoticed")
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add(encode(&plan{Hostname: "x", Sysctl: map[string]string{"a": "b"}}))
	f.Fuzz(func(_ *testing.T, data []byte) {
		_ = decode(data, new(plan))
		_ = decode(data, new(message))
	})
}
