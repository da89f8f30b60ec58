package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// ownWords are the flags for a credential's own words on what is otherwise set for
// all: flag and help. A flag's name is that of the word with dashes.
var ownWords = []struct{ flag, help string }{
	{"disable-cooling", "whether its cooling is off, true or false; empty for what is set for all"},
	{"request-retry", "how many further rounds of a request it takes part in; empty for what is set for all"},
	{"refresh-disabled", "whether its tokens are renewed while it is disabled, true or false; empty for what is set for all"},
}

func ownFlags(c *cobra.Command) {
	for _, w := range ownWords {
		c.Flags().String(w.flag, "", w.help)
	}
}

// ownOf returns the words that were given, by name.
func ownOf(c *cobra.Command) map[string]string {
	f := c.Flags()
	var own map[string]string
	for _, w := range ownWords {
		if !f.Changed(w.flag) {
			continue
		}
		if own == nil {
			own = map[string]string{}
		}
		own[strings.ReplaceAll(w.flag, "-", "_")] = f.Lookup(w.flag).Value.String()
	}
	return own
}
