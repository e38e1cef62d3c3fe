/** What a person needs to know of each kind of endpoint to add one. */
import type { EndpointKind } from "$lib/ipc";

export type KindInfo = {
  kind: EndpointKind;
  label: string;
  hint: string;
  /** The address that the backend takes where none is given. */
  usualAddress: string;
  key: "none" | "optional" | "required";
};

export const endpointKinds: KindInfo[] = [
  {
    kind: "ollama",
    label: "Ollama",
    hint: "Models on this machine or in your network. No key needed.",
    usualAddress: "http://127.0.0.1:11434",
    key: "none",
  },
  {
    kind: "openai_compatible",
    label: "OpenAI-compatible",
    hint: "llama.cpp usually listens on port 8080, LM Studio on 1234, vLLM on 8000; others work too.",
    usualAddress: "http://127.0.0.1:8080/v1",
    key: "optional",
  },
  {
    kind: "openai",
    label: "OpenAI",
    hint: "GPT models, with a key from platform.openai.com.",
    usualAddress: "https://api.openai.com/v1",
    key: "required",
  },
  {
    kind: "anthropic",
    label: "Anthropic",
    hint: "Claude models, with a key from console.anthropic.com.",
    usualAddress: "https://api.anthropic.com/v1",
    key: "required",
  },
  {
    kind: "gemini",
    label: "Gemini",
    hint: "Google's models, with a key from aistudio.google.com.",
    usualAddress: "https://generativelanguage.googleapis.com/v1beta",
    key: "required",
  },
];

export function kindInfo(kind: EndpointKind): KindInfo {
  return endpointKinds.find((info) => info.kind === kind) ?? endpointKinds[1]!;
}
