/** The parts of a transition as they are shown: numbers and words in rows, arrays as grids. */

import type { Cell, Episode, Field } from "../../shared/trajectories";

/** One number or word of a transition, by step. */
export interface Scalar {
  readonly name: string;
  readonly kind: Field["kind"];
  readonly before: (at: number) => Cell | undefined;
  readonly expected: (at: number) => Cell | undefined;
  readonly predicted: (at: number) => Cell | undefined;
  readonly wrong: (at: number) => boolean;
}

/** Longer vectors are shown as grids of one row. */
const MOST_ROWS = 64;

export function isGrid(field: Field): boolean {
  return field.shape.length > 1 || (field.shape[0] ?? 0) > MOST_ROWS;
}

/** Everything that is shown as a row, in the order of the data. */
export function scalars(episode: Episode): readonly Scalar[] {
  return episode.fields.filter((field) => !isGrid(field)).flatMap(scalarsOf);
}

export function grids(episode: Episode): readonly Field[] {
  return episode.fields.filter(isGrid);
}

/** Rows and columns of a grid, and how many cells of the array are one of them (channels). */
export function gridShape(field: Field): { readonly rows: number; readonly columns: number; readonly depth: number } {
  const [first = 1, second, ...rest] = field.shape;
  if (second === undefined) return { rows: 1, columns: first, depth: 1 };
  return { rows: first, columns: second, depth: rest.reduce((product, size) => product * size, 1) };
}

/** The next failing step after one, or before it; null if there is none. */
export function nextFailing(failing: readonly number[], from: number, direction: 1 | -1): number | null {
  const found = direction > 0 ? failing.find((step) => step > from) : failing.findLast((step) => step < from);
  return found ?? null;
}

/** A cell as text, numbers with as many digits as asked for. */
export function text(cell: Cell | undefined, digits = 6): string {
  if (cell === null || cell === undefined) return "";
  if (typeof cell === "number" && !Number.isInteger(cell)) return String(Number(cell.toPrecision(digits)));
  return String(cell);
}

/** Two cells with as many digits as it takes to see that they differ. */
export function pair(
  expected: Cell | undefined,
  predicted: Cell | undefined,
  wrong: boolean,
): readonly [string, string] {
  for (const digits of [6, 9, 17]) {
    const [left, right] = [text(expected, digits), text(predicted, digits)];
    if (!wrong || left !== right || digits === 17) return [left, right];
  }
  return [text(expected), text(predicted)];
}

/** Predicted minus expected, where both are numbers. */
export function difference(expected: Cell | undefined, predicted: Cell | undefined): string {
  if (typeof expected !== "number" || typeof predicted !== "number" || expected === predicted) return "";
  const delta = predicted - expected;
  return `${delta > 0 ? "+" : "\u2212"}${text(Math.abs(delta), 3)}`;
}

/** Rows that have something to plot: numbers and truth values that are not the same all the time. */
export function plotted(rows: readonly Scalar[], count: number, most: number): readonly Scalar[] {
  const steps = Array.from({ length: count }, (_, at) => at);
  const numeric = rows.filter((row) => steps.some((at) => number(row.expected(at)) !== null));
  const lively = numeric.filter((row) => {
    const values = new Set(
      steps.flatMap((at) => [row.expected(at), row.predicted(at)]).filter((cell) => cell !== null),
    );
    return values.size > 1;
  });
  const failing = lively.filter((row) => steps.some(row.wrong));
  return [...failing, ...lively.filter((row) => !failing.includes(row))].slice(0, most);
}

/** A cell as a number to plot. */
export function number(cell: Cell | undefined): number | null {
  if (typeof cell === "boolean") return cell ? 1 : 0;
  return typeof cell === "number" ? cell : null;
}

function scalarsOf(field: Field): readonly Scalar[] {
  const size = field.shape[0];
  if (size === undefined) return [scalar(field, field.name, null)];
  return Array.from({ length: size }, (_, index) => scalar(field, `${field.name}[${index}]`, index));
}

function scalar(field: Field, name: string, index: number | null): Scalar {
  const cell = (column: Field["before"] | Field["predicted"], at: number): Cell | undefined => {
    const value = column?.[at];
    return Array.isArray(value) ? ((value as readonly Cell[])[index ?? 0] ?? null) : (value as Cell | undefined);
  };
  return {
    name,
    kind: field.kind,
    before: (at) => cell(field.before, at),
    expected: (at) => cell(field.expected, at),
    predicted: (at) => cell(field.predicted, at),
    wrong: (at) => field.wrong[at]?.includes(index ?? 0) ?? false,
  };
}
