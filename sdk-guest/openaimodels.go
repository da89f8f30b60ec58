package guest

import "github.com/patchbay-dev/patchbay/abi"

// stepOpenAIModels is the label of the send that OpenAIModels makes. The slash
// keeps it apart from labels of authors, whose steps are names.
const stepOpenAIModels = "guest/openai-models"

// OpenAIModels sends, and answers Provider.Models with the list in OpenAI's
// form: {"data": [{"id": …, "created": …, "owned_by": …}]}. What no client could
// ask for is left out, and so is what is beyond abi.MaxModels: a list with one odd
// name in it is still a list.
func (s *Send) OpenAIModels() Answer { return s.Whole(stepOpenAIModels) }

func (r *Request) openAIModels() Answer {
	if !r.Response.OK() {
		return r.FailUpstream()
	}
	data := r.Response.JSON("data")
	if !data.Exists() {
		return r.Fail(Fail{Code: CodeTransient, Message: "the upstream's model list has no member data", Retryable: true})
	}
	var models []Model
	for item := range data.Items() {
		if len(models) == abi.MaxModels {
			break
		}
		if id := item.Get("id").Text(); abi.ModelName(id) {
			models = append(models, Model{
				ID:      id,
				Created: item.Get("created").Int(),
				OwnedBy: item.Get("owned_by").Text(),
			})
		}
	}
	return r.Models(models...)
}
