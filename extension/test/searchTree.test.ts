/** The pure parts of the search tree view: layout, walking, colours, progress. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { merge, type SearchTree } from "../src/shared/searchTree";
import { luminance, paint } from "../src/webviews/searchTree/colours";
import { ancestry, layOut, neighbour, NODE } from "../src/webviews/searchTree/layout";
import { progressOf } from "../src/webviews/searchTree/progress";
import { node } from "./nodes";

//  1 -> 2 -> 4
//       3 -> 5      6
const NODES = [node(1, null), node(2, 1), node(3, 1), node(4, 2), node(5, 3), node(6, null)];

test("nodes stand right of what they were made from and never on each other", () => {
  const { nodes, byId } = layOut(NODES);
  for (const { parent, y } of nodes) assert.ok(!parent || y > parent.y);
  const places = [...byId.values()];
  for (const a of places) {
    for (const b of places)
      assert.ok(a === b || Math.abs(a.x - b.x) >= NODE.height || Math.abs(a.y - b.y) >= NODE.width);
  }
});

test("everything is inside the bounds", () => {
  const { nodes, bounds } = layOut(NODES);
  for (const { x, y } of nodes) {
    assert.ok(x > bounds.top && x < bounds.top + bounds.height);
    assert.ok(y > bounds.left && y + NODE.width < bounds.left + bounds.width);
  }
});

test("a search without a program yet has a layout", () => {
  assert.deepEqual([layOut([]).nodes.length, layOut([]).byId.size], [1, 0]);
});

test("a thousand children of one node have a layout", () => {
  const many = [node(1, null), ...Array.from({ length: 999 }, (_, index) => node(index + 2, 1))];
  assert.equal(layOut(many).byId.size, 1000);
});

test("arrow keys lead to parents, children and neighbours", () => {
  const layout = layOut(NODES);
  assert.equal(neighbour(layout, 4, "ArrowLeft"), 2);
  assert.equal(neighbour(layout, 1, "ArrowRight"), 2);
  assert.equal(neighbour(layout, 2, "ArrowDown"), 3);
  assert.equal(neighbour(layout, 3, "ArrowUp"), 2);
  assert.equal(neighbour(layout, 3, "Home"), 1);
  assert.equal(neighbour(layout, 3, "End"), 6);
});

test("there is nothing left of a program that was made from nothing, and no other keys are taken", () => {
  const layout = layOut(NODES);
  assert.deepEqual(
    ["ArrowLeft", "Tab", "a"].map((key) => neighbour(layout, 1, key)),
    [null, null, null],
  );
});

test("the way to a node begins where it was made from nothing", () => {
  assert.deepEqual([...ancestry(NODES, 5)].toSorted(), [1, 3, 5]);
  assert.equal(ancestry(NODES, null).size, 0);
});

test("every number can be read on its colour", () => {
  for (let percent = 0; percent <= 100; percent += 1) {
    const { fill, text } = paint(percent / 100);
    const rgb = text === "#ffffff" ? "rgb(255, 255, 255)" : "rgb(0, 0, 0)";
    const [dark, light] = [luminance(fill), luminance(rgb)].toSorted((a, b) => a - b);
    assert.ok(((light ?? 0) + 0.05) / ((dark ?? 0) + 0.05) >= 4.5, `${percent} %`);
  }
});

test("colours get lighter with accuracy, so that they can be told apart without seeing hues", () => {
  const steps = Array.from({ length: 11 }, (_, step) => luminance(paint(step / 10).fill));
  assert.deepEqual(
    steps,
    steps.toSorted((a, b) => a - b),
  );
});

test("only a flawless program has the colour of one", () => {
  assert.notEqual(paint(0.9999).fill, paint(1).fill);
});

test("progress counts calls, and the best never falls", () => {
  const { unit, points } = progressOf([
    node(1, null, { calls: 0, accuracy: 0.2 }),
    node(2, 1, { accuracy: 0.6 }),
    node(3, 2, { calls: 2, accuracy: 0.1 }),
  ]);
  assert.equal(unit, "calls");
  assert.deepEqual(
    points.map(({ x, best }) => [x, best]),
    [
      [0, 0.2],
      [1, 0.6],
      [3, 0.6],
    ],
  );
});

test("progress counts programs where no call was paid for", () => {
  const { unit, points } = progressOf([node(1, null, { calls: 0 }), node(2, 1, { calls: 0 })]);
  assert.deepEqual([unit, points.map((point) => point.x)], ["programs", [1, 2]]);
});

function tree(run: string, ...ids: readonly number[]): SearchTree {
  const about = { file: "a.py", environment: null, strategy: "rex", proposer: "local", created: null, message: null };
  const accuracy = { search: 0.5, heldout: null };
  const nodes = ids.map((id) => node(id, null));
  return { schema: 1, run, status: "unfinished", accuracy, best: ids.at(-1) ?? null, ...about, nodes };
}

test("news of a search are added to what is known, each node once", () => {
  const merged = merge(tree("a", 1, 2), { ...tree("a", 2, 3), status: "verified" });
  assert.deepEqual([merged.nodes.map(({ id }) => id), merged.status, merged.best], [[1, 2, 3], "verified", 3]);
});

test("another search takes the place of the one that was known", () => {
  assert.deepEqual(merge(tree("a", 1, 2), tree("b", 1)).nodes.length, 1);
  assert.deepEqual(merge(null, tree("b", 1)).run, "b");
});
