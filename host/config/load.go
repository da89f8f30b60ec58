package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/structs"
	"github.com/knadh/koanf/v2"

	"github.com/patchbay-dev/patchbay/host/settings"
)

// fileMax bounds the configuration file.
const fileMax = 1 << 20

// Source is where a configuration comes from.
type Source struct {
	// File is the path of the YAML file; empty means none. A file that is named
	// and missing is an error.
	File string
	// Environ is the environment as os.Environ gives it; nil means none.
	Environ []string
	// Flags are the flags that the user gave, dotted key to value; a value is
	// text or of the setting's type. Flags that were not given are absent.
	Flags map[string]any
}

// Load reads, merges and checks: defaults, then the file, the environment and
// the flags. The error joins one *Error for each thing that is wrong; the
// configuration is then the zero one. Config.Warnings says what did not keep it
// from loading.
func Load(src Source) (settings.Config, error) {
	var data []byte
	var mode fs.FileMode
	if src.File != "" {
		var e *Error
		if data, mode, e = readFile(src.File); e != nil {
			return settings.Config{}, e
		}
	}
	return load(src, data, mode)
}

// load is Load with the file's bytes and permissions.
func load(src Source, data []byte, mode fs.FileMode) (settings.Config, error) {
	file, errs := parse(src.File, data)
	broken := len(errs) > 0
	clear, more := expand(file, src.Environ)
	errs = append(errs, more...)
	if !broken {
		errs = append(errs, checkSchema(file)...)
	}
	environment, more := readEnvironment(src.Environ)
	errs = append(append(errs, more...), checkSchema(environment)...)
	flags, more := readFlags(src.Flags)
	errs = append(append(errs, more...), checkSchema(flags)...)
	if len(errs) > 0 {
		return settings.Config{}, join(errs)
	}
	all := layers{file, environment, flags}
	cfg, err := merge(all)
	if err != nil {
		return settings.Config{}, err
	}
	for i := range cfg.Credentials {
		c := &cfg.Credentials[i]
		if c.Label == "" {
			c.Label = DefaultLabel
		}
		e := file.fail(itemPath(i), "")
		c.Source = fmt.Sprintf("%s:%d", e.File, e.Line)
	}
	if errs := validate(cfg, all); len(errs) > 0 {
		return settings.Config{}, join(errs)
	}
	cfg.Warnings = warnings(src.File, mode, clear)
	return cfg, nil
}

// merge puts the layers over the defaults.
func merge(all layers) (settings.Config, error) {
	// Paths are never used, so no key, not even one of a plugin's own
	// configuration, may hold the delimiter.
	k := koanf.New("\x00")
	if err := k.Load(structs.Provider(settings.Default(), "koanf"), nil); err != nil {
		return settings.Config{}, fmt.Errorf("merge the configuration: %w", err)
	}
	for _, l := range all {
		if err := k.Load(confmap.Provider(l.values, ""), nil); err != nil {
			return settings.Config{}, fmt.Errorf("merge the configuration: %w", err)
		}
	}
	var cfg settings.Config
	err := k.UnmarshalWithConf("", &cfg, koanf.UnmarshalConf{
		Tag: "koanf",
		DecoderConfig: &mapstructure.DecoderConfig{
			DecodeHook:  mapstructure.StringToTimeDurationHookFunc(),
			ErrorUnused: true,
		},
	})
	if err != nil {
		return settings.Config{}, fmt.Errorf("merge the configuration: %w", err)
	}
	return cfg, nil
}

func readFile(path string) ([]byte, fs.FileMode, *Error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, unreadable(path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, unreadable(path, err)
	}
	data, err := io.ReadAll(io.LimitReader(f, fileMax+1))
	if err != nil {
		return nil, 0, unreadable(path, err)
	}
	if len(data) > fileMax {
		return nil, 0, &Error{File: path, Msg: fmt.Sprintf("the file is larger than %d bytes", fileMax)}
	}
	return data, info.Mode(), nil
}

func unreadable(path string, err error) *Error {
	if errors.Is(err, fs.ErrNotExist) {
		return &Error{File: path, Msg: "there is no such file", Err: err}
	}
	cause := err
	var inner *fs.PathError
	if errors.As(err, &inner) {
		cause = inner.Err
	}
	return &Error{File: path, Msg: "the file cannot be read: " + cause.Error(), Err: err}
}

// warnings says what is unwise.
func warnings(file string, mode fs.FileMode, clear []string) []string {
	if len(clear) == 0 || !readByOthers(mode) {
		return nil
	}
	return []string{fmt.Sprintf("%s can be read by others (mode %#o) and holds secrets in the clear (%s): run chmod 600 %s, or use ${env:NAME}",
		file, mode.Perm(), strings.Join(clear, ", "), file)}
}
