package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/wire"
)

// chat serves POST /v1/chat/completions.
func (g *Gateway) chat(c echo.Context) error {
	x := exchangeOf(c)
	body, p := x.readBody()
	if p != nil {
		x.fail(p)
		return nil
	}
	probed, err := wire.Probe(x.format, body)
	if err != nil {
		x.fail(malformed(err))
		return nil
	}
	x.model, x.stream = probed.Model, probed.Stream
	providers := g.manager.ProvidersForModel(probed.Model)
	if len(providers) == 0 {
		x.fail(unknownModel(probed.Model))
		return nil
	}
	x.known = true
	ctx, cancel := g.contextFor(x)
	defer cancel()
	req := executor.Request{Model: probed.Model, Payload: body, Format: string(x.format)}
	opts := executor.Options{
		Stream: probed.Stream, Headers: forwardable(x.r.Header), Query: forwardableQuery(x.r.URL.Query()),
		OriginalRequest: body, SourceFormat: string(x.format),
		Metadata: map[string]any{
			executor.RequestedModelKey:       probed.Model,
			executor.SelectedAuthCallbackKey: func(id string) { x.picked(id) },
		},
	}
	if session := sessionOf(x.r.Header); session != "" {
		// Of one client key, so that nobody gets into another one's session.
		opts.Metadata[executor.ExecutionSessionIDKey] = x.keyID + "/" + session
	}
	if probed.Stream {
		g.streamed(ctx, x, providers, req, opts)
	} else {
		g.whole(ctx, x, providers, req, opts)
	}
	return nil
}

func (g *Gateway) whole(ctx context.Context, x *exchange, providers []string, req executor.Request, opts executor.Options) {
	resp, err := g.manager.Execute(ctx, providers, req, opts)
	if err != nil {
		x.fail(x.describe(ctx, err))
		return
	}
	passHeaders(x.Header(), resp.Headers)
	x.writeWhole(http.StatusOK, wire.ContentType(x.format), resp.Payload)
}

// contextFor returns the context in which a request is worked on. It ends when
// the client leaves, when the grace of a shutdown is over, and, without a
// stream, when the request's time is. Its cause says which.
func (g *Gateway) contextFor(x *exchange) (context.Context, context.CancelFunc) {
	ctx, cancelTimeout := x.r.Context(), context.CancelFunc(func() {})
	if x.limits.RequestTimeout > 0 && !x.stream {
		ctx, cancelTimeout = context.WithTimeoutCause(ctx, x.limits.RequestTimeout, errTimeout)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(g.hard, func() { cancel(errShutdown) })
	return ctx, func() {
		stop()
		cancel(nil)
		cancelTimeout()
	}
}

func malformed(err error) *problem {
	var probe *wire.ProbeError
	if !errors.As(err, &probe) {
		return badRequest(codeInvalidJSON, "", "The request body could not be read.")
	}
	code := codeInvalidJSON
	if probe.Param != "" {
		code = codeBadRequest
	}
	p := badRequest(code, probe.Param, probe.Message)
	p.cause = err
	return p
}

func unknownModel(model string) *problem {
	return &problem{
		status: http.StatusNotFound, code: codeModelNotFound, kind: typeInvalidRequest, param: "model",
		message: fmt.Sprintf("The model `%s` does not exist, or this server has no credential for it.", capped(model, maxLoggedModel)),
	}
}
