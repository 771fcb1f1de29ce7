/** Numbers in words. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { count, dollars, seconds, share, visible } from "../src/webviews/common/words";

test("only a flawless program has 100 %", () => {
  assert.deepEqual([0, 0.0004, 0.98765, 0.99999, 1, null].map(share), [
    "0.0 %",
    "< 0.1 %",
    "98.7 %",
    "99.9 %",
    "100 %",
    "unknown",
  ]);
});

test("one has no plural", () => {
  assert.deepEqual([count(1, "call"), count(0, "call"), count(12345, "token")], ["1 call", "0 calls", "12,345 tokens"]);
});

test("times get coarser as they get longer", () => {
  assert.deepEqual([0.25, 42.4, 600, 7200].map(seconds), ["0.3 s", "42 s", "10 min", "2.0 h"]);
});

test("a small price is not rounded to nothing", () => {
  assert.deepEqual([0, 0.004, 1.5].map(dollars), ["$0.00", "$0.004", "$1.50"]);
});

test("characters that would turn the order of others or hide are replaced, line breaks and tabs are not", () => {
  assert.equal(visible("a\u202eb\u200bc\u0000\td\ne\u00e9\u{1f600}"), "a\ufffdb\ufffdc\ufffd\td\ne\u00e9\u{1f600}");
});
