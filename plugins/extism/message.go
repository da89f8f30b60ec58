package extism

import (
	"encoding/json"
	"fmt"

	"github.com/patchbay-dev/patchbay/abi"
)

// inputs makes the empty input message of each op. Op events is not there: this
// tier has no streams.
var inputs = map[abi.Op]func() abi.JSONMessage{
	abi.OpInit:           func() abi.JSONMessage { return new(abi.InitInput) },
	abi.OpExecute:        func() abi.JSONMessage { return new(abi.ExecuteInput) },
	abi.OpResume:         func() abi.JSONMessage { return new(abi.ResumeInput) },
	abi.OpClassify:       func() abi.JSONMessage { return new(abi.ClassifyInput) },
	abi.OpModels:         func() abi.JSONMessage { return new(abi.ModelsInput) },
	abi.OpRefresh:        func() abi.JSONMessage { return new(abi.RefreshInput) },
	abi.OpLogin:          func() abi.JSONMessage { return new(abi.LoginInput) },
	abi.OpPrepareRequest: func() abi.JSONMessage { return new(abi.PrepareRequestInput) },
	abi.OpIntercept:      func() abi.JSONMessage { return new(abi.InterceptInput) },
	abi.OpPostAuth:       func() abi.JSONMessage { return new(abi.PostAuthInput) },
	abi.OpObserve:        func() abi.JSONMessage { return new(abi.ObserveInput) },
	abi.OpCancel:         func() abi.JSONMessage { return new(abi.CancelInput) },
	abi.OpCloseSession:   func() abi.JSONMessage { return new(abi.CloseSessionInput) },
}

// encode makes {"op": "OP_…", "msg": …} of the binary encoding of an input.
func encode(op abi.Op, input []byte) ([]byte, error) {
	make, ok := inputs[op]
	if !ok {
		return nil, fmt.Errorf("the Extism tier has no op %s", op)
	}
	msg := make()
	if err := abi.DecodeMessage(input, msg); err != nil {
		return nil, err
	}
	out := append([]byte(`{"op":"`), op.String()...)
	out = abi.AppendJSON(append(out, `","msg":`...), msg)
	return append(out, '}'), nil
}

// decode appends the binary encoding of a list of actions in JSON to dst. It is
// as strict as a host is to any guest.
func decode(output, dst []byte) ([]byte, error) {
	var list abi.ActionList
	if err := abi.DecodeJSON(output, &list); err != nil {
		return dst, err
	}
	return abi.AppendMessage(dst, &list), nil
}

// settingsOf takes the members out of a plugin's configuration, for config_get.
func settingsOf(init []byte) (map[string]string, error) {
	var in abi.InitInput
	if err := abi.DecodeMessage(init, &in); err != nil {
		return nil, err
	}
	if len(in.Config) == 0 {
		return nil, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(in.Config, &members); err != nil {
		return nil, fmt.Errorf("read the plugin's configuration: %w", err)
	}
	settings := make(map[string]string, len(members))
	for name, raw := range members {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			text = string(raw)
		}
		settings[name] = text
	}
	return settings, nil
}
