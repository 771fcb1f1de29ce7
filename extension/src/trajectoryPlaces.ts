/** Where the trajectory viewer is asked to begin. */
import type { Place } from "./webviews/host/places";

/** The end of the id of a test: its model, its episode and, for a failing step, that. */
const TEST = /::(?<model>[^/]+)\/(?<episode>\d+)(?:\/(?<step>\d+))?$/;

/** What a lens, a test or a caller says; null where it says nothing. */
export function placeOf(request: unknown): Place | null {
  if (typeof request !== "object" || request === null) return null;
  const { id, model, episode, step } = request as Readonly<Record<string, unknown>>;
  const test = typeof id === "string" ? TEST.exec(id)?.groups : undefined;
  if (test) {
    const first = test["step"] === undefined ? null : Number(test["step"]);
    return { model: test["model"] ?? null, episode: Number(test["episode"]), step: first };
  }
  if (typeof episode !== "number") return null;
  return {
    model: typeof model === "string" ? model : null,
    episode,
    step: typeof step === "number" ? step : null,
  };
}
