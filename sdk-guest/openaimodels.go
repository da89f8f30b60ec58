package guest

// stepOpenAIModels is the label of the send that OpenAIModels makes. The slash
// keeps it apart from labels of authors, whose steps are names.
const stepOpenAIModels = "guest/openai-models"

// OpenAIModels sends, and answers Provider.Models with the list in OpenAI's
// form: {"data": [{"id": …, "created": …, "owned_by": …}]}.
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
		if id := item.Get("id").Text(); id != "" {
			models = append(models, Model{
				ID:      id,
				Created: item.Get("created").Int(),
				OwnedBy: item.Get("owned_by").Text(),
			})
		}
	}
	return r.Models(models...)
}
