package host_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// tally counts calls by name.
type tally struct {
	mu    sync.Mutex
	calls map[string]int
}

func (c *tally) add(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls == nil {
		c.calls = map[string]int{}
	}
	c.calls[name]++
}

// everything is each interface that the core calls, counting.
type everything struct {
	tally
	*memory
	auth.ProviderExecutor
}

func (e *everything) List(ctx context.Context) ([]*auth.Auth, error) {
	e.add("Store.List")
	return e.memory.List(ctx)
}

func (e *everything) Save(ctx context.Context, a *auth.Auth) (string, error) {
	e.add("Store.Save")
	return e.memory.Save(ctx, a)
}

func (e *everything) Delete(ctx context.Context, id string) error {
	e.add("Store.Delete")
	return e.memory.Delete(ctx, id)
}

func (e *everything) OnAuthRegistered(context.Context, *auth.Auth) { e.add("Hook.OnAuthRegistered") }

func (e *everything) OnAuthUpdated(context.Context, *auth.Auth) { e.add("Hook.OnAuthUpdated") }

func (e *everything) OnResult(context.Context, auth.Result) { e.add("Hook.OnResult") }

func (e *everything) Pick(_ context.Context, _, _ string, _ executor.Options, auths []*auth.Auth) (*auth.Auth, error) {
	e.add("Selector.Pick")
	return auths[0], nil
}

func (e *everything) RoundTripperFor(*auth.Auth) http.RoundTripper {
	e.add("RoundTripperProvider.RoundTripperFor")
	return nil
}

func (e *everything) PrepareRequest(*http.Request, *auth.Auth) error {
	e.add("RequestPreparer.PrepareRequest")
	return nil
}

func (e *everything) ShouldRefresh(time.Time, *auth.Auth) bool {
	e.add("RefreshEvaluator.ShouldRefresh")
	return false
}

func (e *everything) OnCooldown(context.Context, auth.Result, auth.Block) {
	e.add("CooldownObserver.OnCooldown")
}

func (e *everything) OnRefresh(context.Context, string, error) { e.add("RefreshObserver.OnRefresh") }

func (e *everything) SaveHealth(context.Context, *auth.Auth) error {
	e.add("HealthStore.SaveHealth")
	return nil
}

func (e *everything) Health(context.Context, *auth.Auth) (map[string]*auth.ModelState, error) {
	e.add("HealthStore.Health")
	return nil, nil
}

func (e *everything) CloseExecutionSession(string) {
	e.add("ExecutionSessionCloser.CloseExecutionSession")
}

func (e *everything) Execute(ctx context.Context, a *auth.Auth, req executor.Request, opts executor.Options) (executor.Response, error) {
	e.add("ProviderExecutor.Execute")
	return e.ProviderExecutor.Execute(ctx, a, req, opts)
}

func (e *everything) ExecuteStream(context.Context, *auth.Auth, executor.Request, executor.Options) (*executor.StreamResult, error) {
	e.add("ProviderExecutor.ExecuteStream")
	chunks := make(chan executor.StreamChunk, 1)
	chunks <- executor.StreamChunk{Payload: []byte("x")}
	close(chunks)
	return &executor.StreamResult{Chunks: chunks}, nil
}

func (e *everything) CountTokens(context.Context, *auth.Auth, executor.Request, executor.Options) (executor.Response, error) {
	e.add("ProviderExecutor.CountTokens")
	return executor.Response{}, nil
}

func (e *everything) Refresh(context.Context, *auth.Auth) (*auth.Auth, error) {
	e.add("ProviderExecutor.Refresh")
	return nil, nil
}

func (e *everything) HttpRequest(context.Context, *auth.Auth, *http.Request) (*http.Response, error) {
	e.add("ProviderExecutor.HttpRequest")
	return &http.Response{Body: http.NoBody}, nil
}

// TestEveryInterfaceIsCalled: nothing is there by name only. Each method of each
// interface that the core calls is called in the lives of two credentials. Only
// PostAuthHook is left to host/login, which is its caller: the tests there count.
func TestEveryInterfaceIsCalled(t *testing.T) { synctest.Test(t, callEveryInterface) }

func callEveryInterface(t *testing.T) {
	e := &everything{memory: &memory{}, ProviderExecutor: &provider{name: "p"}}
	r := newRig(t, onWallClock, func(o *host.Options) { o.Store, o.Hook, o.Selector, o.RoundTripperProvider = e, e, e, e })
	r.RegisterExecutor(e)
	r.add(auth.Auth{ID: "a", Provider: "p", Runtime: e}, "m")
	r.add(auth.Auth{ID: "b", Provider: "p", Attributes: map[string]string{auth.AttrRuntimeOnly: "true"}}, "n")
	r.block("b", "n", 500, 0)
	r.StartAutoRefresh(t.Context(), time.Second)
	time.Sleep(10 * time.Second)
	r.StopAutoRefresh()
	ctx, providers := t.Context(), []string{"p"}
	steps := map[string]error{}
	_, steps["execute"] = r.Execute(ctx, providers, request("m"), executor.Options{})
	_, steps["count"] = r.ExecuteCount(ctx, providers, request("m"), executor.Options{})
	var flow *executor.StreamResult
	if flow, steps["stream"] = r.ExecuteStream(ctx, providers, request("m"), executor.Options{}); flow != nil {
		for range flow.Chunks {
		}
	}
	steps["inject"] = r.InjectCredentials(get(t), "a")
	a, _ := r.GetByID("a")
	_, steps["send"] = r.HttpRequest(ctx, a, get(t))
	_, steps["update"] = r.Update(ctx, a)
	_, steps["refresh"] = r.RefreshAuth(ctx, "a")
	r.CloseExecutionSession("s")
	steps["load"] = r.Load(ctx)
	steps["remove"] = r.Remove(ctx, "a")
	for step, err := range steps {
		if err != nil {
			t.Errorf("%s: %v", step, err)
		}
	}
	for _, method := range []string{
		"Store.List", "Store.Save", "Store.Delete", "Hook.OnAuthRegistered", "Hook.OnAuthUpdated", "Hook.OnResult", "Selector.Pick",
		"RoundTripperProvider.RoundTripperFor", "RequestPreparer.PrepareRequest", "ExecutionSessionCloser.CloseExecutionSession",
		"ProviderExecutor.Execute", "ProviderExecutor.ExecuteStream", "ProviderExecutor.CountTokens", "ProviderExecutor.Refresh",
		"ProviderExecutor.HttpRequest", "RefreshEvaluator.ShouldRefresh", "CooldownObserver.OnCooldown", "RefreshObserver.OnRefresh",
		"HealthStore.SaveHealth", "HealthStore.Health",
	} {
		if e.calls[method] == 0 {
			t.Errorf("nobody called %s", method)
		}
	}
}
