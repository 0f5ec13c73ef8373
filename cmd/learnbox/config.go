package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// defaultConfig is read by every command, if it is there. LEARNBOX_CONFIG names another one.
const defaultConfig = "/etc/learnbox/config.yaml"

// A config is what the configuration file may say. Flags and environment come
// first; see app.configure.
type config struct {
	Root               string   `yaml:"root"`
	RegistryMirrors    []string `yaml:"registry-mirrors"`
	InsecureRegistries []string `yaml:"insecure-registries"`
}

func configPath() string { return firstOf(os.Getenv("LEARNBOX_CONFIG"), defaultConfig) }

// loadConfig reads the file at path. A missing file is an empty one; a key that
// does not exist is an error, because a misspelt mirror must not be ignored.
func loadConfig(path string) (config, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return config{}, nil
	}
	if err != nil {
		return config{}, fmt.Errorf("read the configuration: %w", err)
	}
	defer f.Close()
	return parseConfig(path, f)
}

// parseConfig is loadConfig on any reader; path is for errors only.
func parseConfig(path string, r io.Reader) (config, error) {
	var c config
	d := yaml.NewDecoder(r)
	d.KnownFields(true)
	err := d.Decode(&c)
	if errors.Is(err, io.EOF) { // nothing but comments
		return config{}, nil
	}
	if err != nil {
		return config{}, fmt.Errorf("read the configuration %s: %w", path, plainYAML(err))
	}
	if err := d.Decode(new(config)); !errors.Is(err, io.EOF) {
		return config{}, fmt.Errorf("read the configuration %s: there is more than one document", path)
	}
	return c, nil
}

// plainYAML takes the name of our Go type out of yaml's complaint about a key.
func plainYAML(err error) error {
	var wrong *yaml.TypeError
	if !errors.As(err, &wrong) {
		return errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	lines := make([]string, len(wrong.Errors))
	for i, l := range wrong.Errors {
		l = strings.Replace(l, " not found in type main.config", " is no setting", 1)
		lines[i] = strings.Replace(l, ": field ", ": ", 1)
	}
	return hintedError{
		err:  errors.New(strings.Join(lines, "; ")),
		hint: "the settings are root, registry-mirrors, insecure-registries",
	}
}
