/** The pure parts of the trajectory viewer. */

import assert from "node:assert/strict";
import { test } from "node:test";

import type { Episode, Field } from "../src/shared/trajectories";
import { placeOf } from "../src/trajectoryPlaces";
import {
  difference,
  grids,
  gridShape,
  nextFailing,
  pair,
  plotted,
  scalars,
  text,
} from "../src/webviews/trajectories/parts";

const VECTOR: Field = {
  name: "obs",
  kind: "float",
  shape: [2],
  before: [
    [0, 1],
    [1, 1],
  ],
  expected: [
    [1, 1],
    [2, 1],
  ],
  predicted: [[1, 1], null],
  wrong: [[], []],
};
const DONE: Field = {
  name: "terminated",
  kind: "bool",
  shape: [],
  before: null,
  expected: [false, true],
  predicted: [false, false],
  wrong: [[], [0]],
};
const BOARD: Field = { ...VECTOR, name: "obs.board", shape: [2, 3, 2] };

function episode(...fields: readonly Field[]): Episode {
  const two = { steps: [0, 1], actions: [0, 1], checked: [true, true], errors: [null, null], truncated: [false, true] };
  return { schema: 1, episode: 0, length: 2, start: 0, failing: [1], ...two, fields };
}

test("a vector is a row for each element, with its value at each step", () => {
  const [first, second] = scalars(episode(VECTOR));
  assert.deepEqual([first?.name, second?.name], ["obs[0]", "obs[1]"]);
  assert.deepEqual([first?.before(1), first?.expected(1), first?.predicted(0)], [1, 2, 1]);
});

test("a step without a prediction has none", () => {
  assert.equal(text(scalars(episode(VECTOR))[0]?.predicted(1)), "");
});

test("a lone value is one row, and knows where it is wrong", () => {
  const [row] = scalars(episode(DONE));
  assert.deepEqual([row?.name, row?.wrong(0), row?.wrong(1), row?.before(0)], ["terminated", false, true, undefined]);
});

test("arrays of two dimensions and long vectors are grids", () => {
  const long = { ...VECTOR, name: "ram", shape: [128] };
  assert.deepEqual(
    grids(episode(VECTOR, DONE, BOARD, long)).map((field) => field.name),
    ["obs.board", "ram"],
  );
  assert.deepEqual(gridShape(BOARD), { rows: 2, columns: 3, depth: 2 });
  assert.deepEqual(gridShape(long), { rows: 1, columns: 128, depth: 1 });
});

test("numbers are short, unless it takes more digits to see that they differ", () => {
  assert.equal(text(0.123456789), "0.123457");
  assert.deepEqual(pair(0.123456789, 0.12345678, true), ["0.123456789", "0.12345678"]);
  assert.deepEqual(pair(0.123456789, 0.12345678, false), ["0.123457", "0.123457"]);
});

test("a difference has its sign and is only between numbers", () => {
  assert.deepEqual(
    [difference(1, 1.5), difference(2, 1), difference(1, 1), difference("a", 1)],
    ["+0.5", "\u22121", "", ""],
  );
});

test("what fails is plotted first, what never changes is not", () => {
  assert.deepEqual(
    plotted(scalars(episode(VECTOR, DONE)), 2, 10).map((row) => row.name),
    ["terminated", "obs[0]"],
  );
  assert.equal(plotted(scalars(episode(VECTOR, DONE)), 2, 1).length, 1);
});

test("from a step the next failing one is found in both directions", () => {
  assert.deepEqual([nextFailing([2, 5], 2, 1), nextFailing([2, 5], 5, 1), nextFailing([2, 5], 4, -1)], [5, null, 2]);
});

test("a lens, an episode and a failing step of the Test Explorer say where to begin", () => {
  const step = placeOf({ id: "file:///a/taxi.py::Environment/12/3", uri: "file:///a/taxi.py" });
  assert.deepEqual(step, { model: "Environment", episode: 12, step: 3 });
  assert.deepEqual(placeOf({ id: "file:///taxi.py::Environment/12" }), {
    model: "Environment",
    episode: 12,
    step: null,
  });
  assert.deepEqual(placeOf({ uri: "file:///taxi.py", episode: 1, step: 2 }), { model: null, episode: 1, step: 2 });
});

test("a file alone does not say where to begin", () => {
  assert.deepEqual(
    [placeOf({ id: "file:///a/taxi.py" }), placeOf(undefined), placeOf("file:///a.py")],
    [null, null, null],
  );
});
