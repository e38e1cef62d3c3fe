/**
 * A persona as its editor holds it: numbers are still text, so that what was
 * typed wrong can stand there with its error. Empty text means "not set".
 */
import type { Persona, PersonaFields } from "$lib/ipc";

export type PersonaDraft = Omit<
  PersonaFields,
  "temperature" | "maxTokens" | "topP" | "repeatPenalty"
> &
  Record<ParameterName, string>;

export type ParameterName = "temperature" | "maxTokens" | "topP" | "repeatPenalty";

/** A number sent with each request, its range, and what it does. */
export type Parameter = {
  name: ParameterName;
  label: string;
  hint: string;
  min: number;
  max: number;
  /** The slider's step; null where typing alone makes sense. */
  step: number | null;
  whole: boolean;
};

/** The backend's own limit. */
const MAX_TOKENS_MAX = 10_000_000;

export const parameters: Parameter[] = [
  {
    name: "temperature",
    label: "Temperature",
    hint: "0 to 2. Low is focused and repeatable, high is varied and surprising.",
    min: 0,
    max: 2,
    step: 0.05,
    whole: false,
  },
  {
    name: "topP",
    label: "Top-p",
    hint: "0 to 1. Only the likeliest words, until their chances add up to this, are considered.",
    min: 0,
    max: 1,
    step: 0.05,
    whole: false,
  },
  {
    name: "repeatPenalty",
    label: "Repeat penalty",
    hint: "0 to 2. Above 1, words that were used already become less likely.",
    min: 0,
    max: 2,
    step: 0.05,
    whole: false,
  },
  {
    name: "maxTokens",
    label: "Longest reply",
    hint: "In tokens, 1 or more: about four letters each. A longer reply is cut.",
    min: 1,
    max: MAX_TOKENS_MAX,
    step: null,
    whole: true,
  },
];

export const NAME_CHARS_MAX = 200;

export type PersonaErrors = Partial<Record<keyof PersonaFields, string>>;

/** An empty persona to begin with. */
export function emptyDraft(): PersonaDraft {
  return {
    name: "",
    icon: "",
    description: "",
    prompt: "",
    category: "cloud",
    defaultModel: null,
    suggestedModels: [],
    temperature: "",
    maxTokens: "",
    topP: "",
    repeatPenalty: "",
    stopSequences: [],
  };
}

/** The editor's copy of a saved persona. */
export function draftOf(persona: Persona): PersonaDraft {
  return {
    name: persona.name,
    icon: persona.icon,
    description: persona.description,
    prompt: persona.prompt,
    category: persona.category,
    defaultModel: persona.defaultModel,
    suggestedModels: [...persona.suggestedModels],
    temperature: asText(persona.temperature),
    maxTokens: asText(persona.maxTokens),
    topP: asText(persona.topP),
    repeatPenalty: asText(persona.repeatPenalty),
    stopSequences: [...persona.stopSequences],
  };
}

function asText(value: number | null): string {
  return value === null ? "" : String(value);
}

/** What is wrong with a draft, by field. Empty where it can be saved. */
export function draftErrors(draft: PersonaDraft): PersonaErrors {
  const found: PersonaErrors = {
    name: nameError(draft.name),
    icon: iconError(draft.icon),
  };
  for (const parameter of parameters) {
    found[parameter.name] = parameterError(parameter, draft[parameter.name]);
  }
  return Object.fromEntries(Object.entries(found).filter(([, error]) => error !== undefined));
}

function nameError(name: string): string | undefined {
  if (name.trim() === "") return "Give the persona a name.";
  const length = [...name.trim()].length;
  if (length <= NAME_CHARS_MAX) return undefined;
  return `The name has ${length} characters; at most ${NAME_CHARS_MAX} are allowed.`;
}

function iconError(icon: string): string | undefined {
  const characters = [...new Intl.Segmenter().segment(icon.trim())].length;
  return characters > 1 ? "Use one emoji or one letter." : undefined;
}

/** What is wrong with a parameter as typed. */
export function parameterError(parameter: Parameter, text: string): string | undefined {
  const { label, min, max, whole } = parameter;
  if (text.trim() === "") return undefined;
  const value = parseNumber(text);
  if (value === null) return `${label} must be a number, or empty for “not set”.`;
  if (whole && !Number.isInteger(value)) return `${label} must be a whole number.`;
  if (value >= min && value <= max) return undefined;
  return `${label} must be from ${min} to ${max.toLocaleString("en")}.`;
}

/** A number with a point or, as many keyboards have it, a comma. */
export function parseNumber(text: string): number | null {
  const plain = text.trim().replace(",", ".");
  return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(plain) ? Number(plain) : null;
}

/** The fields to save. Only for a draft without errors. */
export function fieldsOfDraft(draft: PersonaDraft): PersonaFields {
  return {
    ...draft,
    name: draft.name.trim(),
    icon: draft.icon.trim(),
    temperature: parseNumber(draft.temperature),
    maxTokens: parseNumber(draft.maxTokens),
    topP: parseNumber(draft.topP),
    repeatPenalty: parseNumber(draft.repeatPenalty),
  };
}

const ESCAPES: Record<string, string> = { n: "\n", t: "\t", r: "\r", "\\": "\\" };

/** A stop sequence from how it is typed: "\n" means a line break. */
export function stopSequenceFrom(typed: string): string {
  return typed.replace(/\\([ntr\\])/g, (_, letter: string) => ESCAPES[letter] ?? letter);
}

/** How a stop sequence is shown, with its line breaks and tabs visible. */
export function stopSequenceShown(sequence: string): string {
  return sequence
    .replaceAll("\\", "\\\\")
    .replaceAll("\n", "\\n")
    .replaceAll("\t", "\\t")
    .replaceAll("\r", "\\r");
}
