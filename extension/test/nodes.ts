/** Nodes of search trees, for tests. */

import type { SearchNode } from "../src/shared/searchTree";

export function node(id: number, parent: number | null, rest: Partial<SearchNode> = {}): SearchNode {
  return {
    id,
    parent,
    action: "improve",
    replaces: null,
    accuracy: 0.5,
    buggy: false,
    passed: false,
    reason: null,
    note: null,
    program: `x = ${id}\n`,
    diff: "",
    fields: {},
    findings: [],
    prompt: "",
    reply: "",
    polished: false,
    calls: 1,
    tokens: 10,
    cost: 0,
    seconds: id,
    ...rest,
  };
}
