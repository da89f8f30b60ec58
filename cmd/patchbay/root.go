package main

import (
	"context"
	"encoding/json"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/host/config"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// global holds the flags that every command has.
type global struct {
	config  string
	dataDir string
	listen  string
	json    bool
	// hard ends when the command is to leave at once, without finishing.
	hard context.Context
}

func root(hard context.Context) *cobra.Command {
	g := &global{hard: hard}
	cmd := &cobra.Command{
		Use:   "patchbay",
		Short: "Serve LLM APIs from your own credentials, through sandboxed providers",
		Long: `Patchbay stands between programs that speak an LLM API and the providers that
serve one. It owns your upstream credentials, picks one for each request, fails
over, and cools down what hit a quota. Providers are sandboxed plugins.

A first hour:
  patchbay plugin install provider.wasm --yes
  patchbay auth add openai-compatible --label work \
      --set base_url=https://api.example.com/v1 --secret api_key=@key.txt
  patchbay serve
  patchbay key create --name laptop

Commands that change something talk to the running server over the socket in the
data directory; when none runs they open the store themselves.

Exit codes: 0 done, 1 failed, 2 usage, 3 config, 4 store locked, 5 store damaged,
6 wrong key, 7 address taken.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usagef("%w\nsee %s --help", err, c.CommandPath())
	})
	f := cmd.PersistentFlags()
	f.StringVar(&g.dataDir, "data-dir", "", "directory of the store, the plugins and the socket (default ./data)")
	f.StringVar(&g.config, "config", "", "configuration file")
	cmd.CompletionOptions.DisableDefaultCmd = true // ours has an example
	cmd.AddCommand(serveCommand(g), statusCommand(g), explainCommand(g), logsCommand(g), keyCommand(g), authCommand(g), pluginCommand(g), storeCommand(g), configCommand(g),
		completionCommand(), versionCommand(g))
	return cmd
}

// noCommand refuses arguments where a subcommand is expected.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	msg := "unknown command %q for %q"
	if s := cmd.SuggestionsFor(args[0]); len(s) > 0 {
		return usagef(msg+": did you mean %q?", args[0], cmd.CommandPath(), s[0])
	}
	return usagef(msg+": see %s --help", args[0], cmd.CommandPath(), cmd.CommandPath())
}

// group is a command that only has subcommands.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: noCommand, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.SuggestionsMinimumDistance = 2
	c.AddCommand(subs...)
	return c
}

// exactly wants n arguments, named in usage.
func exactly(n int, usage string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usagef("%s takes %s, not %d arguments: see %s --help", cmd.CommandPath(), usage, len(args), cmd.CommandPath())
		}
		return nil
	}
}

// settings loads the configuration: defaults, file, environment, flags.
func (g *global) settings() (settings.Config, error) {
	flags := map[string]any{}
	if g.dataDir != "" {
		flags["data_dir"] = g.dataDir
	}
	if g.listen != "" {
		flags["listen"] = g.listen
	}
	return config.Load(config.Source{File: g.config, Environ: os.Environ(), Flags: flags})
}

func jsonFlag(c *cobra.Command, g *global) *cobra.Command {
	c.Flags().BoolVar(&g.json, "json", false, "print JSON for programs")
	return c
}

// printLine prints JSON in one line, for streams.
func printLine(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) }

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
