/** A unified diff as rows of two numbered columns, with what changed inside a line marked. */

import { diffWordsWithSpace, parsePatch } from "diff";

import { colouredLines, type Piece } from "./python";

export interface Segment extends Piece {
  /** Whether this is what differs between the two versions of a line. */
  readonly changed: boolean;
}

export interface DiffRow {
  readonly kind: "added" | "removed" | "same" | "gap";
  /** Line numbers in the old and the new program, from 1. */
  readonly old: number | null;
  readonly new: number | null;
  readonly segments: readonly Segment[];
}

type Range = readonly [from: number, to: number];

/** The rows of a diff between two programs. */
export function diffRows(diff: string, before: string, after: string): readonly DiffRow[] {
  const [oldLines, newLines] = [colouredLines(before), colouredLines(after)];
  const rows: DiffRow[] = [];
  for (const hunk of parsePatch(diff).flatMap((patch) => patch.hunks)) {
    if (rows.length > 0) rows.push({ kind: "gap", old: null, new: null, segments: [] });
    let [old, now] = [hunk.oldStart, hunk.newStart];
    const marks = changedRanges(hunk.lines);
    for (const [index, line] of hunk.lines.entries()) {
      const changed = marks.get(index) ?? [];
      if (line.startsWith("-")) {
        rows.push({ kind: "removed", old, new: null, segments: cut(oldLines[old - 1] ?? [], changed) });
        old += 1;
      } else if (line.startsWith("+")) {
        rows.push({ kind: "added", old: null, new: now, segments: cut(newLines[now - 1] ?? [], changed) });
        now += 1;
      } else if (line.startsWith(" ")) {
        rows.push({ kind: "same", old, new: now, segments: cut(newLines[now - 1] ?? [], []) });
        old += 1;
        now += 1;
      }
    }
  }
  return rows;
}

/** What changed inside the lines of a hunk, where as many lines were added as were removed before them. */
function changedRanges(lines: readonly string[]): ReadonlyMap<number, readonly Range[]> {
  const marks = new Map<number, readonly Range[]>();
  for (let start = 0; start < lines.length; start += 1) {
    const removed = run(lines, start, "-");
    const added = run(lines, start + removed, "+");
    if (removed > 0 && removed === added) {
      for (let pair = 0; pair < removed; pair += 1) {
        const [left, right] = [start + pair, start + removed + pair];
        const ranges = wordRanges(lines[left]?.slice(1) ?? "", lines[right]?.slice(1) ?? "");
        marks.set(left, ranges.removed);
        marks.set(right, ranges.added);
      }
    }
    start += Math.max(0, removed + added - 1);
  }
  return marks;
}

function run(lines: readonly string[], start: number, sign: string): number {
  const length = lines.slice(start).findIndex((line) => !line.startsWith(sign));
  return length < 0 ? Math.max(0, lines.length - start) : length;
}

/** The words that differ; none where the lines have little in common, because everything would be marked. */
function wordRanges(
  before: string,
  after: string,
): { readonly removed: readonly Range[]; readonly added: readonly Range[] } {
  const [removed, added]: [Range[], Range[]] = [[], []];
  let [old, now, common] = [0, 0, 0];
  for (const part of diffWordsWithSpace(before, after)) {
    const length = part.value.length;
    if (part.removed) removed.push([old, old + length]);
    else if (part.added) added.push([now, now + length]);
    else common += part.value.trim().length;
    if (!part.added) old += length;
    if (!part.removed) now += length;
  }
  const alike = common >= 0.4 * Math.max(before.trim().length, after.trim().length);
  return alike ? { removed, added } : { removed: [], added: [] };
}

/** Coloured pieces of a line, cut where changes begin and end. */
function cut(pieces: readonly Piece[], ranges: readonly Range[]): readonly Segment[] {
  const segments: Segment[] = [];
  let at = 0;
  for (const piece of pieces) {
    const end = at + piece.text.length;
    const edges = [...new Set([at, ...ranges.flat().filter((edge) => edge > at && edge < end), end])];
    edges.sort((a, b) => a - b);
    for (const [index, from] of edges.slice(0, -1).entries()) {
      const to = edges[index + 1] ?? end;
      const changed = ranges.some(([start, stop]) => from >= start && to <= stop);
      segments.push({ text: piece.text.slice(from - at, to - at), name: piece.name, changed });
    }
    at = end;
  }
  return segments;
}
