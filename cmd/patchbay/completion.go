package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/host/admin"
)

func completionCommand() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print a script that completes commands in bash, zsh, fish or powershell",
		Long: `Print a script that completes commands, flags and, from the running server, ids.
Load it from your shell's start-up file, as in the examples.`,
		Example: `  source <(patchbay completion bash)
  patchbay completion zsh > "${fpath[1]}/_patchbay"
  patchbay completion fish > ~/.config/fish/completions/patchbay.fish
  patchbay completion powershell | Out-String | Invoke-Expression`,
		Args:      exactly(1, "one SHELL: bash, zsh, fish or powershell"),
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			root, w := cmd.Root(), cmd.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(w, true)
			case "zsh":
				return root.GenZshCompletion(w)
			case "fish":
				return root.GenFishCompletion(w, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(w)
			}
			return usagef("there is no completion for %q: use bash, zsh, fish or powershell", args[0])
		},
	}
}

// completionWait is how long a shell waits for a server.
const completionWait = 2 * time.Second

// complete completes the first argument with what a running server has. Without
// one there is nothing to complete: opening the store for a key press would
// lock out others.
func (g *global) complete(list func(context.Context, admin.Operations) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return g.ask(cmd, list), cobra.ShellCompDirectiveNoFileComp
	}
}

// ask gets names from a running server; nothing when that fails.
func (g *global) ask(cmd *cobra.Command, list func(context.Context, admin.Operations) []string) []string {
	cfg, err := g.settings()
	if err != nil {
		return nil
	}
	client, err := admin.Dial(cfg.DataDir)
	if err != nil {
		return nil
	}
	defer client.Close()
	parent := cmd.Context()
	if parent == nil {
		parent = context.Background()
	}
	ctx, cancel := context.WithTimeout(parent, completionWait)
	defer cancel()
	return list(ctx, client)
}

// named is a completion with a description.
func named(id, what string) string { return cobra.CompletionWithDesc(id, what) }

func (g *global) completeAuths() cobra.CompletionFunc {
	return g.complete(func(ctx context.Context, ops admin.Operations) (ids []string) {
		list, err := ops.ListAuths(ctx)
		if err != nil {
			return nil
		}
		for _, v := range list {
			ids = append(ids, named(v.ID, v.Provider+" "+v.Label))
		}
		return ids
	})
}

func (g *global) completeKeys() cobra.CompletionFunc {
	return g.complete(func(ctx context.Context, ops admin.Operations) (ids []string) {
		list, err := ops.ListKeys(ctx)
		if err != nil {
			return nil
		}
		for _, k := range list {
			ids = append(ids, named(k.ID, k.Name))
		}
		return ids
	})
}

func (g *global) completePlugins() cobra.CompletionFunc {
	return g.complete(func(ctx context.Context, ops admin.Operations) (ids []string) {
		list, err := ops.ListPlugins(ctx)
		if err != nil {
			return nil
		}
		for _, p := range list {
			ids = append(ids, named(p.ID, p.Version))
		}
		return ids
	})
}

func (g *global) completeProviders() cobra.CompletionFunc {
	return g.complete(func(ctx context.Context, ops admin.Operations) (keys []string) {
		list, err := ops.ListPlugins(ctx)
		if err != nil {
			return nil
		}
		for _, p := range list {
			for _, key := range p.Providers {
				keys = append(keys, named(key, p.ID+" "+p.Version))
			}
		}
		return keys
	})
}

// completeModels completes with the models of the credential that stands there
// already.
func (g *global) completeModels() cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return g.ask(cmd, func(ctx context.Context, ops admin.Operations) []string {
			d, err := ops.ShowAuth(ctx, args[0])
			if err != nil {
				return nil
			}
			return d.Models
		}), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeFlag has a flag's value completed. The flag exists, so it cannot fail.
func completeFlag(c *cobra.Command, name string, f cobra.CompletionFunc) {
	if err := c.RegisterFlagCompletionFunc(name, f); err != nil {
		panic(err)
	}
}

// completeModules completes with files of the kind that a plugin is.
func completeModules(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"wasm"}, cobra.ShellCompDirectiveFilterFileExt
}
