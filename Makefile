# `make run` and `make test` are all a newcomer needs; both do their own set-up
# and want nothing but Go (1.26 or newer) and make.

BIN      := bin
DATA     ?= ./data
LISTEN   ?= 127.0.0.1:8484
CONFIG   ?= examples/patchbay.yaml
DIST     ?= dist
SOAK     ?= 60s
ROUNDS   ?= 500
PATCHBAY := $(BIN)/patchbay
PLUGINS  := $(BIN)/echo.wasm $(BIN)/openai-compatible.wasm
VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

LINT_VERSION := v2.15.0
LINT         := $(BIN)/tools/golangci-lint-$(LINT_VERSION)

# The race detector needs a C compiler; without one the tests run without it,
# and say so.
CC_FOUND := $(shell command -v $(shell go env CC) 2>/dev/null)
RACE     := $(if $(CC_FOUND),-race,)

GO_FILES := $(shell find abi sdk-guest host plugins builtin boltstore cmd -name '*.go' -o -name '*.json' 2>/dev/null) go.mod go.sum

.PHONY: crash soak mutate run build plugins test lint e2e-real bench dist clean

## run: build, install the examples, and serve on 127.0.0.1:8484
run: $(PATCHBAY) $(PLUGINS)
	@$(PATCHBAY) plugin install $(BIN)/echo.wasm --yes --data-dir $(DATA)
	@$(PATCHBAY) plugin install $(BIN)/openai-compatible.wasm --yes --data-dir $(DATA)
	@exec $(PATCHBAY) serve --config $(CONFIG) --data-dir $(DATA) --listen $(LISTEN)

## build: the binary and the example plugins, into bin/
build: $(PATCHBAY) $(PLUGINS)

$(PATCHBAY): $(GO_FILES)
	@mkdir -p $(BIN)
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o $@ ./cmd/patchbay

$(BIN)/%.wasm: examples/%/main.go examples/%/manifest.json $(PATCHBAY)
	@$(PATCHBAY) plugin build examples/$* -o $@

## test: every test, with the race detector where there is a C compiler
test:
	@[ -n "$(RACE)" ] || echo "no C compiler: testing without the race detector"
	go test $(RACE) -shuffle=on -timeout 20m ./...

## lint: gofmt, vet and the linters of .golangci.yml
lint: $(LINT)
	$(LINT) run ./...

$(LINT):
	@mkdir -p $(BIN)/tools
	GOBIN=$(abspath $(BIN)/tools) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	@mv $(BIN)/tools/golangci-lint $@

## bench: measure against httputil.ReverseProxy, some five minutes on a quiet
## machine; BENCH=--quick for half a minute
bench: build
	go build -trimpath -o $(BIN)/patchbay-dev ./cmd/patchbay-dev
	$(BIN)/patchbay-dev bench --patchbay $(PATCHBAY) --plugin $(BIN)/openai-compatible.wasm \
		--json $(BIN)/bench.json --benchstat $(BIN)/bench.txt $(BENCH)

## crash: kill a server in the middle of refreshes, ROUNDS times, and look whether
## a credential is lost
crash:
	@mkdir -p $(BIN)
	go build -trimpath -o $(BIN)/patchbay-dev ./cmd/patchbay-dev
	$(BIN)/patchbay-dev crash --bbolt --rounds $(ROUNDS) $(CRASH)

## soak: do everything at once to a manager for SOAK (60s) and compare it with a model
soak:
	go build $(RACE) -o $(BIN)/patchbay-soak ./cmd/patchbay-dev
	$(BIN)/patchbay-soak soak --for $(SOAK)

## mutate: show that the acceptance cases notice a decision that is missing
mutate:
	go run ./cmd/patchbay-dev mutate

## e2e-real: ask a real model on loopback, through the sandboxed plugin
e2e-real: build
	bash examples/openai-compatible/e2e-real.sh $(PATCHBAY) $(BIN)/openai-compatible.wasm

## hook: build the AssemblyScript example anew, and hold it against the module
## that the tests use; needs npm
hook:
	@rm -rf $(BIN)/hook && mkdir -p $(BIN) && cp -r examples/assemblyscript-hook $(BIN)/hook
	cd $(BIN)/hook && npm ci --silent --no-audit --no-fund && npm run --silent build
	cmp $(BIN)/hook/hook.wasm plugins/extism/testdata/hook.wasm

## dist: release archives, bills of materials and checksums, into dist/
dist:
	@rm -rf $(DIST)
	go run ./cmd/patchbay-dev dist --out $(DIST)

clean:
	rm -rf $(BIN) $(DIST)
