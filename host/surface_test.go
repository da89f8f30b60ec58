package host_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/host"
)

// surface is the public surface that the core must offer. A name behind a minus
// is not there yet; when it comes, the minus goes.
const surface = `
CloseAllExecutionSessionsID
OAuthModelAliasChannel
ProviderRefreshLead
RegisterRefreshLeadProvider
SetQuotaCooldownDisabled
WithRequestInfo
GetRequestInfo
WithSkipPersist
APIKeyConfigEntry
Auth
Auth.AccountInfo
Auth.Clone
Auth.DisableCoolingOverride
Auth.EnsureIndex
Auth.ExpirationTime
Auth.ProxyInfo
Auth.RequestRetryOverride
Auth.ToolPrefixDisabled
Error
Error.Error
Error.StatusCode
ExecutionSessionCloser
FillFirstSelector
FillFirstSelector.Pick
Hook
Manager
NewManager
Manager.CloseExecutionSession
Manager.Execute
Manager.ExecuteCount
Manager.ExecuteStream
Manager.Executor
Manager.HttpRequest
Manager.GetByID
Manager.InjectCredentials
Manager.List
Manager.Load
Manager.MarkResult
Manager.NewHttpRequest
Manager.PrepareHttpRequest
Manager.RefreshSchedulerEntry
Manager.Register
Manager.RegisterExecutor
Manager.SetConfig
Manager.SetOAuthModelAlias
Manager.SetRetryConfig
Manager.SetRoundTripperProvider
Manager.SetSelector
Manager.SetStore
Manager.StartAutoRefresh
Manager.StopAutoRefresh
Manager.UnregisterExecutor
Manager.Update
ModelState
ModelState.Clone
NoopHook
NoopHook.OnAuthRegistered
NoopHook.OnAuthUpdated
NoopHook.OnResult
PostAuthHook
ProviderExecutor
QuotaState
RefreshEvaluator
RequestInfo
RequestPreparer
Result
RoundRobinSelector
RoundRobinSelector.Pick
RoundTripperProvider
Selector
Status
StatusUnknown
StatusActive
StatusPending
StatusRefreshing
StatusError
StatusDisabled
Store
`

// owners are the types of the surface that have methods.
var owners = map[string]reflect.Type{
	"Auth":               reflect.TypeFor[*host.Auth](),
	"Error":              reflect.TypeFor[*host.Error](),
	"FillFirstSelector":  reflect.TypeFor[*host.FillFirstSelector](),
	"Manager":            reflect.TypeFor[*host.Manager](),
	"ModelState":         reflect.TypeFor[*host.ModelState](),
	"NoopHook":           reflect.TypeFor[*host.NoopHook](),
	"RoundRobinSelector": reflect.TypeFor[*host.RoundRobinSelector](),
}

func TestSurface(t *testing.T) {
	declared := declaredNames(t)
	for _, line := range strings.Fields(surface) {
		name, missing := strings.CutPrefix(line, "-")
		owner, method, isMethod := strings.Cut(name, ".")
		there := declared[name]
		if isMethod {
			_, there = owners[owner].MethodByName(method)
		}
		switch {
		case there && missing:
			t.Errorf("%s is there: take the minus away", name)
		case !there && !missing:
			t.Errorf("%s is missing", name)
		}
	}
}

// declaredNames returns what the package declares at its top level.
func declaredNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, file := range []string{"surface.go", "manager.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range f.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				names[decl.Name.Name] = decl.Recv == nil
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						names[spec.Name.Name] = true
					case *ast.ValueSpec:
						for _, id := range spec.Names {
							names[id.Name] = true
						}
					}
				}
			}
		}
	}
	return names
}
