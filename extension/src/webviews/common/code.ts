/** Programs and diffs as tables of numbered lines. */

import { diffRows } from "./diffLines";
import { element } from "./dom";
import { colouredLines, type Piece } from "./python";
import { visible } from "./words";

const SIGNS = { added: "+", removed: "\u2212", same: "", gap: "\u22ef" } as const;
const SPOKEN = { added: "added", removed: "removed", same: null, gap: "lines left out" } as const;

/** A diff between two programs. */
export function diffTable(diff: string, before: string, after: string): HTMLElement {
  const rows = diffRows(diff, before, after).map((row) =>
    element(
      "tr",
      { class: `line ${row.kind}` },
      element("td", { class: "number" }, row.old === null ? "" : String(row.old)),
      element("td", { class: "number" }, row.new === null ? "" : String(row.new)),
      element("td", { class: "sign", "aria-label": SPOKEN[row.kind] }, SIGNS[row.kind]),
      element("td", { class: "code" }, ...row.segments.map((segment) => piece(segment, segment.changed))),
    ),
  );
  return element("table", { class: "source", "aria-label": "Changes" }, element("tbody", {}, ...rows));
}

/** A whole program; `marked` lines stand out. */
export function programTable(source: string, marked: ReadonlySet<number> = new Set()): HTMLElement {
  const lines = colouredLines(source);
  const shown = lines.at(-1)?.length === 0 ? lines.slice(0, -1) : lines;
  const rows = shown.map((pieces, index) =>
    element(
      "tr",
      { class: marked.has(index + 1) ? "line marked" : "line", "data-line": index + 1 },
      element("td", { class: "number" }, String(index + 1)),
      element("td", { class: "code" }, ...pieces.map((each) => piece(each, false))),
    ),
  );
  return element("table", { class: "source", "aria-label": "Program" }, element("tbody", {}, ...rows));
}

function piece({ text, name }: Piece, changed: boolean): Node {
  const classes = [name, changed ? "changed" : ""].filter(Boolean).join(" ");
  return classes ? element("span", { class: classes }, visible(text)) : document.createTextNode(visible(text));
}
