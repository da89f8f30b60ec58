package admin

import (
	"context"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"
)

// ImportOperations take over credentials that another program keeps in files.
type ImportOperations interface {
	// ImportAuths reads credential files and says, in their order, what becomes
	// of each; with Yes it does it. A file is imported as a whole or not at
	// all, and what keeps one out does not keep out the others.
	ImportAuths(ctx context.Context, req ImportRequest) ([]ImportedFile, error)
}

// ImportRequest holds the files to import.
type ImportRequest struct {
	Files []ImportFile `json:"files"`
	// Yes imports; without it nothing is changed.
	Yes bool `json:"yes,omitempty"`
}

// Limits of an import.
const (
	// MaxImportFile is the largest credential file, in bytes.
	MaxImportFile = 256 << 10
	// MaxImport is how much one request may hold, in bytes.
	MaxImport = 32 << 20
)

// ImportFile is one credential file. The process of the command reads it: a
// server opens no file that a request names.
type ImportFile struct {
	// Name is the path below the directory that is imported.
	Name string `json:"name"`
	// Content is all of it, and secret.
	Content []byte `json:"content"`
}

// What can become of a file: ImportedFile.State.
const (
	// ImportReady: it can be imported; nothing was done yet.
	ImportReady = "ready"
	// ImportDone: it is imported.
	ImportDone = "imported"
	// ImportExists: the credential is there already, and stays as it is.
	ImportExists = "exists"
	// ImportUnserved: no installed plugin serves its provider.
	ImportUnserved = "unserved"
	// ImportRefused: it cannot be imported as it is.
	ImportRefused = "refused"
)

// ImportedFile says what becomes of a file. It holds names of fields, never
// their values.
type ImportedFile struct {
	Name     string `json:"name"`
	Provider string `json:"provider,omitempty"`
	// State is one of the above; Reason says why it is not ready or imported.
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`
	// ID is that of the credential that it became, or that is there already.
	ID string `json:"id,omitempty"`
	// Fields are those that are taken over.
	Fields []string `json:"fields,omitempty"`
	// NotUnderstood are those that are left out: neither the core nor the
	// provider's plugin knows them.
	NotUnderstood []string `json:"not_understood,omitempty"`
}

func (h handler) importRoutes(e *echo.Echo) { e.POST("/v1/auths/import", h.importAuths) }

func (h handler) importAuths(c echo.Context) error {
	var req ImportRequest
	// A file is in base64 on the wire.
	if err := bind(c, 2*MaxImport, &req); err != nil {
		return err
	}
	files, err := h.ops.ImportAuths(c.Request().Context(), req)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, files)
}

// ImportAuths implements Operations.
func (c *Client) ImportAuths(ctx context.Context, req ImportRequest) ([]ImportedFile, error) {
	size := 0
	for _, f := range req.Files {
		size += len(f.Name) + len(f.Content)
	}
	if size > MaxImport {
		return nil, &Error{Code: CodeInvalid, Message: fmt.Sprintf("the files are larger than %d MiB together: import them in parts", MaxImport>>20)}
	}
	return call[[]ImportedFile](ctx, c, http.MethodPost, "/v1/auths/import", req)
}
