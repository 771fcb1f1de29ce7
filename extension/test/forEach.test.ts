import assert from "node:assert/strict";
import { test } from "node:test";
import { forEach } from "../src/forEach";

test("every item is done once, and never more than a few at a time", async () => {
  let now = 0;
  let most = 0;
  const done: number[] = [];
  await forEach([1, 2, 3, 4, 5], 2, async (item) => {
    now += 1;
    most = Math.max(most, now);
    await new Promise((resolve) => setTimeout(resolve, 1));
    now -= 1;
    done.push(item);
  });
  assert.deepEqual(done.toSorted(), [1, 2, 3, 4, 5]);
  assert.equal(most, 2);
});
