/** Accuracy over what was spent: one point a program, and the best so far. */

import type { SearchNode } from "../../shared/searchTree";

export interface Point {
  readonly id: number;
  /** Calls so far; programs so far where no call was paid for. */
  readonly x: number;
  readonly accuracy: number;
  readonly best: number;
}

export interface Progress {
  readonly unit: "calls" | "programs";
  readonly points: readonly Point[];
}

export function progressOf(nodes: readonly SearchNode[]): Progress {
  const unit = nodes.some((node) => node.calls > 0) ? "calls" : "programs";
  let [x, best] = [0, 0];
  const points = nodes.map((node) => {
    x += unit === "calls" ? node.calls : 1;
    best = Math.max(best, node.accuracy);
    return { id: node.id, x, accuracy: node.accuracy, best };
  });
  return { unit, points };
}
