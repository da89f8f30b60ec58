package retry

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/patchbay-dev/patchbay/host/settings"
)

// Rules are the operator's words on what errors of a provider mean, compiled. nil
// holds none. They are immutable. core-decisions.md section 2, row 2; core.md 2.9.
type Rules struct{ rules []rule }

type rule struct {
	status   int
	texts    []string // lower case
	patterns []*regexp.Regexp
	stop     bool
	cool     bool
}

// CompileRules compiles a list. One that cannot be understood is an error that
// says which; nothing of the list is used then.
func CompileRules(list []settings.ErrorRule) (*Rules, error) {
	var out []rule
	for i, in := range list {
		r := rule{status: in.Status}
		switch in.Action {
		case settings.ErrorStop:
			r.stop = true
		case settings.ErrorStopAndCooldown:
			r.stop, r.cool = true, true
		case settings.ErrorContinue:
		case settings.ErrorContinueAndCooldown:
			r.cool = true
		default:
			return nil, fmt.Errorf("error rule %d: the action %q is not known", i+1, in.Action)
		}
		for _, text := range in.Match {
			r.texts = append(r.texts, strings.ToLower(text))
		}
		for _, raw := range in.MatchRegex {
			p, err := regexp.Compile(raw)
			if err != nil {
				return nil, fmt.Errorf("error rule %d: %w", i+1, err)
			}
			r.patterns = append(r.patterns, p)
		}
		out = append(out, r)
	}
	if len(out) == 0 {
		return nil, nil
	}
	return &Rules{out}, nil
}

// Apply returns err as the first rule with its status and one of its texts or
// patterns, or with neither, has it; err itself when there is none. Texts are
// looked for in the provider's body, or, without one, in the message, case aside.
func (rs *Rules) Apply(err error) error {
	if rs == nil || err == nil {
		return err
	}
	status := StatusOf(err)
	_, text := codeAndText(err)
	lower := strings.ToLower(text)
	for _, r := range rs.rules {
		if r.status == status && r.says(text, lower) {
			return &Ruled{Err: err, Stop: r.stop, Cool: r.cool}
		}
	}
	return err
}

func (r rule) says(text, lower string) bool {
	return len(r.texts)+len(r.patterns) == 0 ||
		slices.ContainsFunc(r.texts, func(t string) bool { return strings.Contains(lower, t) }) ||
		slices.ContainsFunc(r.patterns, func(p *regexp.Regexp) bool { return p.MatchString(text) })
}

// Ruled is an error of which the operator said what it means.
type Ruled struct {
	Err error
	// Stop ends the request with it; otherwise the next credential is tried.
	Stop bool
	// Cool keeps the credential away, for a minute at least and even where cooling
	// is switched off; otherwise nothing is held against it.
	Cool bool
}

// Error is the error's own text.
func (e *Ruled) Error() string { return e.Err.Error() }

// Unwrap returns what happened.
func (e *Ruled) Unwrap() error { return e.Err }
