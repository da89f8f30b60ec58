package gateway

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/wire"
)

// modelObject is a model in OpenAI's shape.
type modelObject struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

func objectOf(m host.ModelInfo) modelObject {
	return modelObject{ID: m.ID, Object: "model", Created: m.Created, OwnedBy: m.OwnedBy}
}

// listModels serves GET /v1/models.
func (g *Gateway) listModels(c echo.Context) error {
	models := g.manager.ListModels()
	list := struct {
		Object string        `json:"object"`
		Data   []modelObject `json:"data"`
	}{Object: "list", Data: make([]modelObject, 0, len(models))}
	for _, m := range models {
		list.Data = append(list.Data, objectOf(m))
	}
	return exchangeOf(c).writeJSON(list)
}

// getModel serves GET /v1/models/{id}; an id may hold slashes, encoded or not.
func (g *Gateway) getModel(c echo.Context) error {
	x := exchangeOf(c)
	id := strings.TrimPrefix(x.r.URL.Path, modelRoute)
	x.model = id
	for _, m := range g.manager.ListModels() {
		if m.ID == id {
			return x.writeJSON(objectOf(m))
		}
	}
	x.fail(unknownModel(id))
	return nil
}

func (x *exchange) writeJSON(v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	x.writeWhole(http.StatusOK, wire.ContentTypeJSON, append(body, '\n'))
	return nil
}
