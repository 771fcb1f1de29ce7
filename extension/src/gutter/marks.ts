/** What the transitions that execute a line come to. */
import type { LineExecutions } from "../shared/messages";

export const MARKS = ["pass", "mixed", "fail", "unexercised"] as const;
export type Mark = (typeof MARKS)[number];

/** The mark of a line; none for one that only runs before the transitions: nothing is known about it. */
export function markOf({ transitions, failing, before }: LineExecutions): Mark | undefined {
  if (before) return undefined;
  if (transitions === 0) return "unexercised";
  if (failing === 0) return "pass";
  return failing < transitions ? "mixed" : "fail";
}

/** The lines, counted from 0, of each mark. */
export function marked(lines: readonly LineExecutions[]): ReadonlyMap<Mark, readonly number[]> {
  return new Map(
    MARKS.map((mark) => [mark, lines.filter((line) => markOf(line) === mark).map(({ line }) => line - 1)]),
  );
}
