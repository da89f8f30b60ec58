package driver

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
)

// Model is one model that a credential may use.
type Model struct {
	// ID is the provider's name for it, unique in a list.
	ID          string
	DisplayName string
	// Created is zero when unknown.
	Created time.Time
	OwnedBy string
	// ContextTokens is 0 when unknown.
	ContextTokens uint64
}

// Where a provider's models come from.
const (
	modelsStatic = "static"
	modelsNone   = "none"
)

// Models returns the models of a credential: those of the manifest, none where
// the operator lists them, else what the guest says, which may take requests.
func (e *Executor) Models(ctx context.Context, a *auth.Auth) ([]Model, error) {
	switch e.provider.Models.Source {
	case modelsNone:
		return nil, nil
	case modelsStatic:
		models := make([]Model, len(e.provider.Models.Static))
		for i, id := range e.provider.Models.Static {
			models[i] = Model{ID: id}
		}
		return models, nil
	}
	at, err := e.newAttempt(ctx, a, abi.OpModels, abi.KindUnspecified)
	if err != nil {
		return nil, err
	}
	defer at.release()
	err = at.ask(abi.OpModels, &abi.ModelsInput{Provider: e.provider.Key, Credential: at.info.Credential})
	for err == nil && at.stage == stageTodo {
		err = at.perform()
	}
	return at.models, err
}

// modelsOf takes a guest's list. A name that occurs twice is taken once.
func modelsOf(list *abi.Models) ([]Model, error) {
	if len(list.Models) > abi.MaxModels {
		return nil, fmt.Errorf("more than %d models", abi.MaxModels)
	}
	models := make([]Model, 0, len(list.Models))
	seen := make(map[string]bool, len(list.Models))
	for _, m := range list.Models {
		id := strings.Clone(m.ID)
		if !abi.ModelName(id) {
			return nil, fmt.Errorf("the name of a model is empty, too long or holds a control character")
		}
		if seen[id] {
			continue
		}
		seen[id] = true
		out := Model{ID: id, DisplayName: tidy(strings.Clone(m.DisplayName)), OwnedBy: tidy(strings.Clone(m.OwnedBy)), ContextTokens: m.ContextTokens}
		if m.Created > 0 {
			out.Created = time.Unix(m.Created, 0).UTC()
		}
		models = append(models, out)
	}
	return models, nil
}
