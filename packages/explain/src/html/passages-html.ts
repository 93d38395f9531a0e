/** Training passages as a part of a page: the runs of tokens that a text shares with the data, in their context, and similar passages. */
import type { ShownPassage, TrainingPassages } from "../reports.ts";
import { escapeHtml, percent } from "./escape.ts";

/** HTML for a page with `explanationStyle`. */
export function passagesHtml({ text, complete, spans, passages }: TrainingPassages): string {
  const shared = spans.map(
    ({ length, before, text: own, after, ...place }) =>
      `<li><q>${escapeHtml(before)}<mark>${escapeHtml(own)}</mark>${escapeHtml(after)}</q><small>${length} tokens; ${placeOf(place)}</small></li>`,
  );
  const similar = passages.map(
    ({ similarity, text: own, ...place }) =>
      `<li><q>${escapeHtml(own)}</q><small>${percent(similarity)}; ${placeOf(place)}</small></li>`,
  );
  return `<div class="explanation">
<h2>In the training data</h2>
<p>The longest runs of tokens that the data shares with <q>${escapeHtml(text)}</q>. All runs of ${complete} tokens or more are found.</p>
${listOf(shared)}
<h2>Similar passages</h2>
<p>The passages of the data that have the most of its n-grams; rare ones count more.</p>
${listOf(similar)}
</div>`;
}

const listOf = (items: readonly string[]) =>
  items.length === 0 ? "<p>None.</p>" : `<ol class="passages">${items.join("")}</ol>`;

/** Where a passage is. */
export const placeOf = ({ data, document, offset }: Omit<ShownPassage, "text">): string =>
  `document ${document}, token ${offset} of ${escapeHtml(data)}`;
