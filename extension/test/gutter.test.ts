/** Marks beside the lines of a model. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { marked, markOf } from "../src/gutter/marks";

test("a line is marked by what the transitions that execute it come to", () => {
  const counts = [
    [0, 0],
    [5, 0],
    [5, 2],
    [5, 5],
  ] as const;
  const marks = counts.map(([transitions, failing]) => markOf({ line: 1, transitions, failing, before: false }));
  assert.deepEqual(marks, ["unexercised", "pass", "mixed", "fail"]);
});

test("the lines of each mark are counted as the editor counts them", () => {
  const lines = [
    { line: 3, transitions: 5, failing: 0, before: false },
    { line: 4, transitions: 0, failing: 0, before: false },
    { line: 7, transitions: 2, failing: 0, before: false },
  ];
  assert.deepEqual(marked(lines).get("pass"), [2, 6]);
  assert.deepEqual(marked(lines).get("unexercised"), [3]);
  assert.deepEqual(marked(lines).get("fail"), []);
});

test("what only runs while the model is constructed has no mark", () => {
  assert.equal(markOf({ line: 1, transitions: 1, failing: 0, before: true }), undefined);
});
