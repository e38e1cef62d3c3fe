/** What a person needs to know of each kind of endpoint to add one. */
import type { EndpointKind } from "$lib/ipc";

export type KindInfo = {
  kind: EndpointKind;
  label: string;
  hint: string;
  /** The address where most run it; the kind's own where it is always the same. */
  usualAddress: string;
  /** Whether the address has to be given. */
  addressRequired: boolean;
  key: "none" | "optional" | "required";
};

export const endpointKinds: KindInfo[] = [
  {
    kind: "ollama",
    label: "Ollama",
    hint: "Models on this machine or in your network. No key needed.",
    usualAddress: "http://127.0.0.1:11434",
    addressRequired: false,
    key: "none",
  },
  {
    kind: "openai_compatible",
    label: "OpenAI-compatible",
    hint: "LM Studio, llama.cpp, vLLM and other servers with OpenAI's interface.",
    usualAddress: "http://127.0.0.1:1234/v1",
    addressRequired: true,
    key: "optional",
  },
  {
    kind: "openai",
    label: "OpenAI",
    hint: "GPT models, with a key from platform.openai.com.",
    usualAddress: "https://api.openai.com/v1",
    addressRequired: false,
    key: "required",
  },
  {
    kind: "anthropic",
    label: "Anthropic",
    hint: "Claude models, with a key from console.anthropic.com.",
    usualAddress: "https://api.anthropic.com",
    addressRequired: false,
    key: "required",
  },
  {
    kind: "gemini",
    label: "Gemini",
    hint: "Google's models, with a key from aistudio.google.com.",
    usualAddress: "https://generativelanguage.googleapis.com",
    addressRequired: false,
    key: "required",
  },
];

export function kindInfo(kind: EndpointKind): KindInfo {
  return endpointKinds.find((info) => info.kind === kind) ?? endpointKinds[1]!;
}
