/** Where the nodes of a search tree stand, from left to right, and which of them are on the way to the best one. */

import { type HierarchyPointLink, type HierarchyPointNode, stratify, tree } from "d3-hierarchy";

import type { SearchNode } from "../../shared/searchTree";

export const NODE = { width: 92, height: 38 } as const;

const ROW = 46;
const COLUMN = 124;
const START = "start";

/** A node of the drawing: a program, or null for the dot where programs that were made from nothing begin. */
export type Placed = HierarchyPointNode<SearchNode | null>;
export type PlacedLink = HierarchyPointLink<SearchNode | null>;

export interface Layout {
  readonly nodes: readonly Placed[];
  readonly links: readonly PlacedLink[];
  readonly byId: ReadonlyMap<number, Placed>;
  readonly bounds: { readonly left: number; readonly top: number; readonly width: number; readonly height: number };
}

/** Lays a tree out; `x` runs down and `y` to the right, as d3 has it. */
export function layOut(nodes: readonly SearchNode[]): Layout {
  const root = stratify<SearchNode | null>()
    .id((node) => (node ? String(node.id) : START))
    .parentId((node) => (node ? String(node.parent ?? START) : null))([null, ...nodes]);
  const placed = tree<SearchNode | null>()
    .nodeSize([ROW, COLUMN])
    .separation((a, b) => (a.parent === b.parent ? 1 : 1.25))(root);
  const all = placed.descendants();
  const xs = all.map((node) => node.x);
  const [top, bottom] = [Math.min(...xs), Math.max(...xs)];
  return {
    nodes: all,
    links: placed.links(),
    byId: new Map(all.flatMap((node) => (node.data ? [[node.data.id, node] as const] : []))),
    bounds: {
      left: -NODE.height,
      top: top - ROW,
      width: placed.height * COLUMN + NODE.width + 2 * NODE.height,
      height: bottom - top + 2 * ROW,
    },
  };
}

/** The numbers of a node and of everything it was made from. */
export function ancestry(nodes: readonly SearchNode[], id: number | null): ReadonlySet<number> {
  const parents = new Map(nodes.map((node) => [node.id, node.parent]));
  const found = new Set<number>();
  for (let at = id; at !== null && !found.has(at); at = parents.get(at) ?? null) found.add(at);
  return found;
}

/** Where an arrow key leads from a node. */
export function neighbour(layout: Layout, from: number, key: string): number | null {
  const at = layout.byId.get(from);
  if (!at) return null;
  if (key === "ArrowLeft") return at.parent?.data?.id ?? null;
  if (key === "ArrowRight") {
    const children = at.children ?? [];
    return children[Math.floor((children.length - 1) / 2)]?.data?.id ?? null;
  }
  const column = layout.nodes.filter((node) => node.data && node.depth === at.depth).toSorted((a, b) => a.x - b.x);
  const index = column.indexOf(at);
  if (key === "ArrowUp") return column[index - 1]?.data?.id ?? null;
  if (key === "ArrowDown") return column[index + 1]?.data?.id ?? null;
  if (key === "Home") return layout.nodes.find((node) => node.data)?.data?.id ?? null;
  if (key === "End") return Math.max(...layout.byId.keys());
  return null;
}
