/** What was observed and predicted of one step, as two texts whose lines differ only where the prediction is wrong. */
import type { StepFailure } from "../shared/trajectories";

export interface Sides {
  readonly expected: string;
  readonly predicted: string;
}

type Leaves = ReadonlyMap<string, unknown>;

const MOST_LINES = 400;

/** Lays both sides out, a field a line; fields that are right have the observed value on both. */
export function sides({ expected, predicted, differs }: StepFailure): Sides {
  const observed = leaves(expected);
  const error = errorOf(predicted);
  if (error !== undefined) return { expected: text(observed), predicted: error };
  const wrong = new Set(differs.map(plainName));
  const guessed = leaves(predicted);
  const names = [...new Set([...observed.keys(), ...guessed.keys()])];
  const isWrong = (name: string): boolean => wrong.has(plainName(name)) || observed.has(name) !== guessed.has(name);
  return {
    expected: text(
      new Map(
        names.filter((name) => observed.has(name)).map((name) => [name, shown(observed.get(name), isWrong(name))]),
      ),
    ),
    predicted: text(
      new Map(
        names
          .filter((name) => guessed.has(name))
          .map((name) => [name, shown(isWrong(name) ? guessed.get(name) : observed.get(name), isWrong(name))]),
      ),
    ),
  };
}

/** What is wrong, in a few words. */
export function summary({ step, differs, predicted }: StepFailure): string {
  const error = errorOf(predicted);
  if (error !== undefined) return `step ${step}: ${error}`;
  const named = differs.slice(0, 4).join(", ");
  return `step ${step}: ${named}${differs.length > 4 ? ` and ${differs.length - 4} more` : ""} wrong`;
}

function errorOf(outcome: unknown): string | undefined {
  if (typeof outcome !== "object" || outcome === null || !("error" in outcome)) return undefined;
  return String(outcome.error);
}

/** The numbers and words in an outcome, by the names that fields have in findings. */
function leaves(outcome: unknown): Leaves {
  const found = new Map<string, unknown>();
  const visit = (value: unknown, name: string): void => {
    if (Array.isArray(value)) value.forEach((item, index) => visit(item, `${name}[${index}]`));
    else if (typeof value === "object" && value !== null)
      for (const [key, item] of Object.entries(value))
        visit(item, name ? `${name}.${key}` : key === "observation" ? "obs" : key);
    else found.set(name, value);
  };
  visit(outcome, "");
  return found;
}

function text(values: Leaves): string {
  const lines = [...values].slice(0, MOST_LINES).map(([name, value]) => `${name} = ${String(value)}`);
  if (values.size > MOST_LINES) lines.push(`... and ${values.size - MOST_LINES} more`);
  return lines.join("\n");
}

/** Numbers that are right are shown short; of those that are wrong every digit may be the one. */
function shown(value: unknown, wrong: boolean): unknown {
  return typeof value === "number" && !wrong ? Number(value.toPrecision(6)) : value;
}

/** A field's name without its punctuation: `obs[1,2]` and `obs[1][2]` are one. */
function plainName(name: string): string {
  return name.replaceAll(/[^\w]+/g, " ").trim();
}
