/**
 * Keeps of HTML only what text is made of. A model's reply is untrusted: it must
 * not run code, load anything from the network, or pass for a part of the window.
 */
import DOMPurify from "dompurify";

const purifier = DOMPurify(window);

const FORBIDDEN_TAGS = [
  ...["style", "form", "input", "textarea", "select", "option", "dialog"],
  ...["video", "audio", "source", "picture", "track", "map", "area", "template", "slot"],
];
const FORBIDDEN_ATTRIBUTES = [
  "style",
  "id",
  "name",
  "srcset",
  "background",
  "popover",
  "autofocus",
];
const CONFIG = {
  USE_PROFILES: { html: true },
  FORBID_TAGS: FORBIDDEN_TAGS,
  FORBID_ATTR: FORBIDDEN_ATTRIBUTES,
  // The second half lets through what names no scheme, as most attributes do.
  ALLOWED_URI_REGEXP: /^(?:(?:https?|mailto):|data:image\/|[^a-z]|[a-z+.-]+(?:[^a-z+.:-]|$))/i,
};

purifier.addHook("afterSanitizeAttributes", (element) => {
  keepOwnClasses(element);
  if (element.tagName === "IMG" && !isDataImage(element.getAttribute("src"))) element.remove();
});

/** HTML with everything dangerous taken out. */
export function sanitize(html: string): string {
  return purifier.sanitize(html, CONFIG);
}

/** Any other class could borrow the looks of a dialog or a button of ours. */
function keepOwnClasses(element: Element): void {
  const own = [...element.classList].filter((name) => /^(md-|hljs)/.test(name));
  if (own.length > 0) element.setAttribute("class", own.join(" "));
  else element.removeAttribute("class");
}

function isDataImage(source: string | null): boolean {
  return source?.startsWith("data:image/") ?? false;
}
