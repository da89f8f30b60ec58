package telemetry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
)

// Options say how a logger is to be.
type Options struct {
	// Level is debug, info, warn or error; empty means info.
	Level string
	// Format is json or text; empty means json.
	Format string
	// Secrets are looked for in every value; nil means none.
	Secrets *Secrets
	// Var, when set, is given the level, and may be changed while the logger is
	// in use; see ParseLevel.
	Var *slog.LevelVar
}

// ParseLevel reads debug, info, warn or error; empty means info.
func ParseLevel(name string) (slog.Level, error) {
	switch strings.ToLower(name) {
	case "", "info":
		return slog.LevelInfo, nil
	case "debug":
		return slog.LevelDebug, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, fmt.Errorf("log level %q is unknown: use debug, info, warn or error", name)
}

// NewLogger returns a logger that writes to w, one Write a record, and redacts:
// attributes whose key names a secret, and every live secret in the message or
// in any value. It fails for a level or format that it does not know.
func NewLogger(w io.Writer, o Options) (*slog.Logger, error) {
	level, err := ParseLevel(o.Level)
	if err != nil {
		return nil, err
	}
	if o.Var == nil {
		o.Var = new(slog.LevelVar)
	}
	o.Var.Set(level)
	r := redactor{secrets: o.Secrets}
	opts := &slog.HandlerOptions{Level: o.Var, ReplaceAttr: r.replace}
	switch strings.ToLower(o.Format) {
	case "", "json":
		return slog.New(slog.NewJSONHandler(w, opts)), nil
	case "text":
		return slog.New(slog.NewTextHandler(w, opts)), nil
	}
	return nil, fmt.Errorf("log format %q is unknown: use json or text", o.Format)
}

type redactor struct{ secrets *Secrets }

// replace is called by slog for every attribute that is not a group, with its
// value resolved.
func (r redactor) replace(groups []string, a slog.Attr) slog.Attr {
	builtin := len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.SourceKey)
	if builtin {
		return a
	}
	kind := a.Value.Kind()
	plain := kind != slog.KindString && kind != slog.KindAny
	if a.Key != slog.MessageKey && secretKey(a.Key) && !(plain && isCount(a.Key)) || slices.ContainsFunc(groups, secretKey) {
		return slog.String(a.Key, Redacted)
	}
	switch kind {
	case slog.KindString:
		was := a.Value.String()
		if now := r.secrets.Redact(was); now != was {
			a.Value = slog.StringValue(now)
		}
	case slog.KindAny:
		a.Value = r.any(a.Value)
	}
	return a
}

// isCount tells numbers of tokens from tokens.
func isCount(key string) bool { return strings.HasSuffix(strings.ToLower(key), "tokens") }

// any redacts what is no plain kind. An error or a Stringer becomes its text;
// anything else its JSON, walked by key and by value, since a header map that
// was logged by mistake is just the case this is for.
func (r redactor) any(v slog.Value) slog.Value {
	switch x := v.Any().(type) {
	case nil:
		return v
	case error:
		return slog.StringValue(r.secrets.Redact(textOf(x.Error)))
	case fmt.Stringer:
		return slog.StringValue(r.secrets.Redact(textOf(x.String)))
	case []byte:
		return slog.StringValue(r.secrets.Redact(string(x)))
	default:
		raw, err := json.Marshal(x)
		if err != nil {
			return slog.StringValue(fmt.Sprintf("(%T cannot be shown)", x))
		}
		var tree any
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		if dec.Decode(&tree) != nil {
			return slog.StringValue(fmt.Sprintf("(%T cannot be shown)", x))
		}
		return slog.AnyValue(r.tree(tree))
	}
}

// textOf calls f, which may belong to a nil pointer.
func textOf(f func() string) (text string) {
	defer func() {
		if recover() != nil {
			text = "(cannot be shown)"
		}
	}()
	return f()
}

func (r redactor) tree(v any) any {
	switch x := v.(type) {
	case string:
		return r.secrets.Redact(x)
	case []any:
		for i := range x {
			x[i] = r.tree(x[i])
		}
	case map[string]any:
		clean := make(map[string]any, len(x))
		for k, inner := range x {
			_, number := inner.(json.Number)
			if secretKey(k) && !(number && isCount(k)) {
				clean[r.secrets.Redact(k)] = Redacted
			} else {
				clean[r.secrets.Redact(k)] = r.tree(inner)
			}
		}
		return clean
	}
	return v
}
