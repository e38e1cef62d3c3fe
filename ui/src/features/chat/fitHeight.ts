/** Measuring the height of a longer text takes too long, and it is taller than the box anyway. */
const MEASURED_CHARS_MAX = 20_000;
const HEIGHT_MAX_PX = 320;

/** Makes a text box as tall as its text, up to a limit. */
export function fitHeight(element: HTMLTextAreaElement | undefined): void {
  if (!element) return;
  element.style.height = "auto";
  const measured = element.value.length <= MEASURED_CHARS_MAX;
  const height = measured ? element.scrollHeight : HEIGHT_MAX_PX;
  element.style.height = `${Math.min(height, HEIGHT_MAX_PX)}px`;
}
