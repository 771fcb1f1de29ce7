/** What came of writing or running property tests, in a sentence. */
import type { PropertiesResult, PropertyOutcome, RunPropertiesResult } from "../shared/messages";
import { count } from "../webviews/common/words";

/** What was written, or would be. */
export function writtenWords(result: PropertiesResult): string {
  const name = nameOf(result.tests);
  if (result.edit === null) return `${name} is up to date: ${count(result.count, "test")}.`;
  const dropped = result.dropped.length
    ? ` ${count(result.dropped.length, "rule")} of the data left out: ${result.environment ?? "the environment"} breaks ${result.dropped.length === 1 ? "it" : "them"}.`
    : "";
  if (result.created) return `${name}: ${count(result.count, "test")}, ${result.rules} of them mined.${dropped}`;
  const edited = result.kept.length + result.left.length;
  const parts = [
    [result.added.length, "new"],
    [result.updated.length, "changed"],
    [result.removed.length, "gone"],
    [edited, "as you have edited them"],
  ] as const;
  const said = parts.filter(([number]) => number > 0).map(([number, word]) => `${number} ${word}`);
  return `${name}: ${said.join(", ")}.${dropped}`;
}

/** How a run of tests ended. */
export function ranWords(result: RunPropertiesResult): string {
  const name = nameOf(result.tests);
  if (result.problem !== null) return `${name} cannot be loaded: ${result.problem}`;
  const number = (status: PropertyOutcome["status"]): number =>
    result.outcomes.filter((outcome) => outcome.status === status).length;
  const [broken, open] = [number("failed"), number("unfinished")];
  const holds = `${number("passed")} of ${count(result.outcomes.length, "property test")} hold`;
  const others = [...(broken ? [`${broken} broken`] : []), ...(open ? [`${open} not decided in time`] : [])];
  return `${[holds, ...others].join(", ")}.`;
}

/** The outcomes of each test, those of all its parameters together. */
export function byTest(outcomes: readonly PropertyOutcome[]): ReadonlyMap<string, readonly PropertyOutcome[]> {
  const found = new Map<string, PropertyOutcome[]>();
  for (const outcome of outcomes) {
    const name = outcome.test.replace(/\[.*$/s, "");
    found.set(name, [...(found.get(name) ?? []), outcome]);
  }
  return found;
}

/** Where the tests of a model are, seen from the root of its project, unless the project says otherwise. */
export function testsName(model: string): string {
  const file = model.split("/").at(-1) ?? model;
  return `tests/test_${file.replace(/\.py$/, "")}_properties.py`;
}

function nameOf(uri: string): string {
  return decodeURIComponent(uri.split("/").at(-1) ?? uri);
}
