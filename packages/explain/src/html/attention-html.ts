/** Attention maps as images, a fold for each layer, each described in words by where its queries look. */
import type { AttentionMap, LayerHeads } from "../reports.ts";
import { attentionImage } from "./bitmap.ts";
import { escapeHtml, percent } from "./escape.ts";

/** The part of a report about attention. */
export function attentionHtml(maps: readonly AttentionMap[], heads: readonly LayerHeads[] | null): string {
  const most = Math.max(...(heads ?? []).flatMap((layer) => layer.heads.map(Math.abs)), Number.MIN_VALUE);
  const importance = (layer: string, head: number) => {
    const value = heads?.find((one) => one.layer === layer)?.heads[head];
    return value === undefined ? "" : `; importance ${percent(Math.abs(value) / most)} of the largest`;
  };
  const layers = maps.map(({ layer, layout, heads: shares }, index) => {
    const figures = shares.map((head, number) => {
      const words = describeHead(head);
      return `<figure><img alt="${escapeHtml(`Layer ${index + 1}, head ${number + 1}: ${words}`)}" src="${attentionImage(head)}">
<figcaption>Head ${number + 1}: ${escapeHtml(words + importance(layer, number))}</figcaption></figure>`;
    });
    return `<details${index === maps.length - 1 ? " open" : ""}><summary>Layer ${index + 1} <code>${escapeHtml(layer)}</code>${layout === null ? "" : `, sparse layout ${escapeHtml(layout)}, ${pairsSeen(shares[0]!)}`}</summary>
<div class="maps">${figures.join("")}</div></details>`;
  });
  return `<h2>Attention</h2>
<p>A row for each token that reads, a column for each token that is read; the stronger the color, the more weight. Grey tokens are not seen at all.</p>
${layers.join("")}`;
}

/** How many pairs of a query and a key are seen, of those that a dense layer would see. */
function pairsSeen(shares: readonly (readonly number[])[]): string {
  const length = shares.length;
  const seen = shares.reduce((sum, row) => sum + row.filter((share) => share > 0).length, 0);
  const isCausal = shares.every((row, query) => row.every((share, key) => share === 0 || key <= query));
  return `${seen} of ${isCausal ? (length * (length + 1)) / 2 : length ** 2} pairs`;
}

/** Where the queries of a head look on average. */
function describeHead(shares: readonly (readonly number[])[]): string {
  const mean = (keyOf: (query: number) => number) =>
    shares.reduce((sum, row, query) => sum + (row[keyOf(query)] ?? 0), 0) / shares.length;
  const places: [string, number][] = [
    ["the first token", mean(() => 0)],
    ["the token itself", mean((query) => query)],
    ["the token before", mean((query) => query - 1)],
    ["the token after", mean((query) => query + 1)],
  ];
  const [place, share] = places.reduce((a, b) => (b[1] > a[1] ? b : a));
  return `reads ${place} with ${percent(share)}`;
}
