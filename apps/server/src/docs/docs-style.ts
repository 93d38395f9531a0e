/** How the docs page looks: the type scale and colours of the page in `ui/`. */

/** For a `style` element. */
export const docsStyle = `
:root { --ink: #16181d; --quiet: #565d6b; --line: #dfe2e8; --ground: #fff; --surface: #f6f7f9; --accent: #0d47a1; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8ec; --quiet: #a4abb8; --line: #30353f; --ground: #12141a; --surface: #1b1e26; --accent: #7aaaff; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
header { display: flex; gap: 1.5rem; padding: 1rem 1.5rem; border-bottom: 1px solid var(--line); }
main { max-width: 64rem; margin: 0 auto; padding: 2rem 1.5rem 4rem; }
h1 { margin: 0 0 1rem; font-size: 1.75rem; line-height: 1.25; font-weight: 600; }
h2 { margin: 0 0 .25rem; font-size: 1.25rem; font-weight: 600; overflow-wrap: anywhere; }
a { color: var(--accent); }
main > p { max-width: 48rem; color: var(--quiet); }
nav ul { display: grid; gap: .25rem; margin: 1.5rem 0 0; padding: 0; list-style: none; }
nav li { color: var(--quiet); }
section { margin-top: 3rem; padding-top: 1.5rem; border-top: 1px solid var(--line); }
section > p { margin: 0 0 1rem; color: var(--quiet); }
.method { color: var(--quiet); font-size: .8125rem; }
code, pre { font-family: ui-monospace, monospace; }
code { font-size: .875em; }
pre { margin: 0 0 1rem; padding: 1rem; overflow-x: auto; background: var(--surface); border-radius: .5rem; font-size: .875rem; }
pre code { font-size: inherit; }
.scroll { overflow-x: auto; margin-bottom: 1rem; }
table { width: 100%; min-width: 32rem; border-collapse: collapse; font-size: .875rem; }
th, td { padding: .5rem .75rem .5rem 0; border-top: 1px solid var(--line); text-align: left; vertical-align: top; font-weight: 400; overflow-wrap: anywhere; }
thead th { border-top: 0; color: var(--quiet); }
th:first-child { width: 26%; }
th em { color: var(--quiet); font-size: .8125rem; }
td:nth-child(2) { width: 34%; }
.statuses { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; font-size: .8125rem; }
.statuses b { color: var(--ink); font-weight: 600; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
@media (max-width: 40rem) { header, main { padding-left: 1rem; padding-right: 1rem; } }
`;
