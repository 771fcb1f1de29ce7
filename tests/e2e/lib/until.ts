// Waiting for what no element of the page says.
import { setTimeout as sleep } from "node:timers/promises";

/** Waits until something holds; fails where it does not within the time that the page waits for elements. */
export async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 90_000;
  // One look after the other.
  // oxlint-disable-next-line no-await-in-loop
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`did not come true in time: ${holds}`);
    // oxlint-disable-next-line no-await-in-loop
    await sleep(100);
  }
}
