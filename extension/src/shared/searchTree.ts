/** A search tree as the engine writes it (`cwm_engine/synthesis/view.py`). */

export const SCHEMA = 1;

export type SearchAction = "generate" | "improve" | "fix" | "fit";
export type SearchStatus = "verified" | "partial" | "failed" | "cancelled" | "unfinished";

export interface SearchTree {
  readonly schema: number;
  readonly run: string;
  readonly status: SearchStatus;
  /** Why the search ended, where there is something to say. */
  readonly message: string | null;
  /** Of the best program, 0..1; null where it is not known. */
  readonly accuracy: { readonly search: number | null; readonly heldout: number | null };
  /** The number of the best program. */
  readonly best: number | null;
  readonly file: string | null;
  readonly environment: string | null;
  readonly strategy: string | null;
  readonly proposer: string | null;
  readonly created: string | null;
  /** In the order in which they became known; a parent comes before its children. */
  readonly nodes: readonly SearchNode[];
}

/** A search as it is now, from what was known of it and the news: the same document with the new nodes only. */
export function merge(known: SearchTree | null, news: SearchTree): SearchTree {
  if (known?.run !== news.run) return news;
  const last = known.nodes.at(-1)?.id ?? 0;
  return { ...news, nodes: [...known.nodes, ...news.nodes.filter((node) => node.id > last)] };
}

export interface SearchNode {
  readonly id: number;
  /** Null for programs that were not made from another one. */
  readonly parent: number | null;
  /** Null for the program that the search began with. */
  readonly action: SearchAction | null;
  /** The node in whose place it stands, where a strategy overwrites nodes. */
  readonly replaces: number | null;
  /** Part of the searched transitions with every field right, 0..1. */
  readonly accuracy: number;
  /** Whether it does not run; `reason` says why. */
  readonly buggy: boolean;
  readonly passed: boolean;
  readonly reason: string | null;
  readonly note: string | null;
  /** Null where the reply held none. */
  readonly program: string | null;
  /** A unified diff against the parent's program. */
  readonly diff: string;
  /** Accuracy of every field, 0..1. */
  readonly fields: Readonly<Record<string, number>>;
  readonly findings: readonly SearchFinding[];
  readonly prompt: string;
  readonly reply: string;
  /** Whether the program of the reply was changed before it was scored. */
  readonly polished: boolean;
  /** What this node took. */
  readonly calls: number;
  readonly tokens: number;
  /** In dollars. */
  readonly cost: number;
  /** How long the search had worked when the node was added. */
  readonly seconds: number;
}

export interface SearchFinding {
  readonly code: string;
  readonly severity: "error" | "warning" | "info" | "hint";
  readonly message: string;
  /** Counted from 1. */
  readonly line: number;
  /** How many transitions show it. */
  readonly count: number;
  readonly note: string | null;
  readonly example: FindingExample | null;
}

/** One transition that shows a finding, in words. */
export interface FindingExample {
  readonly episode: number;
  readonly step: number;
  readonly action: string;
  readonly rows: readonly {
    readonly field: string;
    readonly state: string;
    readonly expected: string;
    readonly predicted: string;
    readonly difference: string;
  }[];
}
