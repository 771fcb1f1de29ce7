/** Diffs as rows. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { createTwoFilesPatch } from "diff";

import { type DiffRow, diffRows } from "../src/webviews/common/diffLines";

const BEFORE = `def step(state):
    """Two
    lines."""
    return state + 1
`;

function rows(before: string, after: string): readonly DiffRow[] {
  return diffRows(createTwoFilesPatch("a", "b", before, after, undefined, undefined, { context: 1 }), before, after);
}

function text(row: DiffRow): string {
  return row.segments.map((segment) => segment.text).join("");
}

function changed(row: DiffRow | undefined): readonly string[] {
  return row?.segments.filter((segment) => segment.changed).map((segment) => segment.text) ?? [];
}

test("rows carry the line numbers of both programs", () => {
  const found = rows(BEFORE, BEFORE.replace("+ 1", "- 1"));
  assert.deepEqual(
    found.map((row) => [row.kind, row.old, row.new, text(row)]),
    [
      ["same", 3, 3, '    lines."""'],
      ["removed", 4, null, "    return state + 1"],
      ["added", null, 4, "    return state - 1"],
    ],
  );
});

test("only the words that differ are marked", () => {
  const [, removed, added] = rows(BEFORE, BEFORE.replace("+ 1", "- 1"));
  assert.deepEqual([changed(removed), changed(added)], [["+"], ["-"]]);
});

test("lines that have little in common are not marked word by word", () => {
  const found = rows(BEFORE, BEFORE.replace("return state + 1", "raise ValueError"));
  assert.ok(found.every((row) => row.segments.every((segment) => !segment.changed)));
});

test("a line inside a docstring has the colour of a string", () => {
  const [first] = rows(BEFORE, BEFORE.replace("+ 1", "- 1"));
  assert.deepEqual(
    first?.segments.map((segment) => segment.name),
    ["tok-string"],
  );
});

test("what was left out between two hunks is a row", () => {
  const long = Array.from({ length: 20 }, (_, line) => `x${line} = ${line}\n`).join("");
  const kinds = rows(long, long.replace("x1 = 1\n", "x1 = 0\n").replace("x18 = 18\n", "x18 = 0\n")).map(
    (row) => row.kind,
  );
  assert.equal(kinds.filter((kind) => kind === "gap").length, 1);
});

test("a program without a last line break is shown as it is", () => {
  const found = rows("a = 1", "a = 2");
  assert.deepEqual(found.map(text), ["a = 1", "a = 2"]);
});

test("a program that was made from nothing is all new", () => {
  const found = rows("", BEFORE);
  assert.deepEqual(new Set(found.map((row) => row.kind)), new Set(["added"]));
});
