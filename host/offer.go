package host

import (
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/models"
)

// offer is what a credential has for clients, and under which names. Most
// credentials of a provider have the same, so that they share it. It is immutable.
type offer struct {
	provider string
	// given is what SetModels said; the rest follows from that and the record.
	given []models.Info
	names models.Naming
	lanes []lane
	// listed is what clients are told of.
	listed []models.Info
}

// offers finds the offer that somebody has already. Manager.mu guards it.
type offers map[offerKey]*offer

// offerKey is all that an offer follows from.
type offerKey struct {
	provider        string
	names           models.Naming
	given, declared string
}

// maxOffers bounds the offers that are found again; where there are more, some
// are kept twice.
const maxOffers = 1024

func (o offers) of(book *models.Book, a *auth.Auth, given []models.Info) *offer {
	key := offerKey{provider: providerKey(a.Provider), names: book.Of(a), given: models.Fingerprint(given), declared: a.Attributes[auth.AttrModels]}
	if known := o[key]; known != nil {
		return known
	}
	served := servedModels(a, given)
	made := &offer{provider: key.provider, given: given, names: key.names, lanes: lanesOf(key.names, served), listed: key.names.Publish(served)}
	if len(o) >= maxOffers {
		clear(o)
	}
	o[key] = made
	return made
}
