/** How explanations look: they take the colours of the page around them where it names them, and else have their own. */

/** For a `style` element. Everything is inside of `.explanation`. */
export const explanationStyle = `
.explanation {
  --ink: #16181d; --quiet: #5b6270; --line: #dfe2e8; --surface: #f6f7f9; --accent: 13 71 161; --against: 176 58 10;
  color: var(--ink); font: 1rem/1.5 system-ui, sans-serif;
}
.explanation h2 { font-size: 1.25rem; line-height: 1.3; margin: 2.5rem 0 .25rem; font-weight: 600; }
.explanation p { max-width: 42rem; margin: .25rem 0 1rem; color: var(--quiet); }
.explanation .tokens { display: flex; flex-wrap: wrap; gap: .25rem; margin: 0 0 1rem; padding: 0; list-style: none; }
.explanation .tokens li { padding: .125rem .375rem; border-radius: .25rem; border: 1px solid var(--line); font: .875rem/1.5 ui-monospace, monospace; }
.explanation .tokens small { display: block; font-size: .75rem; color: var(--ink); }
.explanation .scroll { overflow-x: auto; max-width: 100%; }
.explanation .scroll:focus-visible { outline: 2px solid rgb(var(--accent)); outline-offset: 2px; }
.explanation table { border-collapse: collapse; font-size: .875rem; }
.explanation caption { text-align: left; color: var(--quiet); padding-bottom: .5rem; }
.explanation th, .explanation td { padding: .25rem .625rem; text-align: left; border-top: 1px solid var(--line); white-space: nowrap; font-weight: 400; }
.explanation thead th { border-top: 0; color: var(--quiet); }
.explanation td.number { text-align: right; font-variant-numeric: tabular-nums; }
.explanation code { font: .875rem ui-monospace, monospace; }
.explanation td small { color: inherit; font-size: .75rem; }
.explanation .passages { display: grid; gap: .75rem; margin: 0 0 1rem; padding: 0; list-style: none; }
.explanation .passages li { padding: .5rem .75rem; background: var(--surface); border-radius: .5rem; overflow-wrap: anywhere; }
.explanation .passages q { white-space: pre-wrap; }
.explanation .passages q { quotes: none; }
.explanation .passages small { display: block; font-size: .75rem; color: var(--quiet); }
.explanation .passages details { border-top: 0; padding: .25rem 0 0; font-size: .875rem; }
.explanation .passages .tokens { margin: .25rem 0 0; }
.explanation .passages .tokens li { padding: .125rem .375rem; border-radius: .25rem; }
.explanation .passages .tokens small { color: var(--ink); }
.explanation mark { background: rgb(var(--accent) / .18); color: inherit; border-radius: .1875rem; }
.explanation details { border-top: 1px solid var(--line); padding: .5rem 0; }
.explanation summary { cursor: pointer; padding: .25rem 0; }
.explanation summary:focus-visible { outline: 2px solid rgb(var(--accent)); }
.explanation .maps { display: grid; grid-template-columns: repeat(auto-fill, minmax(10rem, 1fr)); gap: 1rem; padding: .5rem 0 1rem; }
.explanation figure { margin: 0; }
.explanation figure img { width: 100%; display: block; image-rendering: pixelated; border: 1px solid var(--line); background: #fff; }
.explanation figcaption { font-size: .75rem; line-height: 1.4; color: var(--quiet); padding-top: .25rem; }
@media (prefers-color-scheme: dark) {
  .explanation { --ink: #e6e8ec; --quiet: #a4abb8; --line: #30353f; --surface: #1c1f26; --accent: 122 170 255; --against: 255 150 100; }
  .explanation figure img { filter: invert(1) hue-rotate(180deg); }
}
`;
