/** What came of a search or a fit, in words. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { fitWords, type SearchDocument, searchWords } from "../src/synthesis/words";

const FOUND: SearchDocument = {
  status: "partial",
  accuracy: { search: 0.9876, heldout: 0.95 },
  nodes: 12,
  run: "a",
  message: null,
};

test("a verified program says so and nothing else", () => {
  const words = searchWords({ ...FOUND, status: "verified" }, true);
  assert.equal(
    words,
    "Verified: the program predicts every searched and every held-out transition; 12 programs tried.",
  );
});

test("a partial one is told with both figures", () => {
  assert.match(searchWords(FOUND, true), /98\.7 % of the searched transitions right, 95\.0 % of those held out/);
});

test("a stopped search offers the best it has", () => {
  const words = searchWords({ ...FOUND, status: "cancelled", accuracy: { search: 0.5, heldout: null } }, true);
  assert.equal(
    words,
    "The search was stopped. The best program has 50.0 % of the searched transitions right; 12 programs tried.",
  );
});

test("that nothing better was found is said with the reason", () => {
  assert.match(searchWords({ ...FOUND, message: "no edit is left" }, false), /^Nothing better.*\(no edit is left\)\.$/);
  assert.match(searchWords({ ...FOUND, status: "failed", nodes: 1 }, false), /1 program tried\.$/);
  assert.match(searchWords({ ...FOUND, status: "verified" }, false), /right already/);
});

test("a fit names what the data cannot determine", () => {
  const unknown = ["a", "b", "c", "d"].map((name) => ({ name, line: 1, message: "" }));
  const changed = [{ name: "g", before: "9", after: "9.8" }];
  const document = { accuracy: { before: 0.1, after: 1 }, changed, undetermined: unknown, message: null };
  assert.equal(
    fitWords(document),
    "1 number fitted: 100 % of the transitions right, 10.0 % before. The data cannot determine a, b, c and 1 more.",
  );
  assert.equal(fitWords({ ...document, changed: [], undetermined: [] }), "No number had to be changed.");
});
