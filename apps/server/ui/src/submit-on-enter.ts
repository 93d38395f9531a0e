/** Ctrl and Enter, or Command and Enter, submit the form of a text; Enter alone starts a line. */
export function submitOnEnter(event: KeyboardEvent): void {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
  event.preventDefault();
  (event.currentTarget as HTMLTextAreaElement).form?.requestSubmit();
}
