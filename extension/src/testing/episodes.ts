/** Episodes of a dataset, in words and in order. */
import type { Dataset } from "../shared/trajectories";
import { count, share } from "../webviews/common/words";

/** The first failing episodes. */
export function failingFirst({ episodes }: Dataset, most: number): readonly number[] {
  return episodes
    .filter(({ failing }) => failing > 0)
    .slice(0, most)
    .map(({ episode }) => episode);
}

export function isRight({ episodes }: Dataset): boolean {
  return episodes.every(({ failing }) => failing === 0);
}

/** How right a model is, in one line. */
export function messageOf({ model, accuracy, environment, episodes }: Dataset): string {
  const failing = episodes.filter(({ failing: steps }) => steps > 0).length;
  const of = environment ? ` of ${environment}` : "";
  const right = `${model}: ${share(accuracy)} of the transitions${of} are predicted right`;
  return failing ? `${right}; they fail in ${failing} of ${count(episodes.length, "episode")}` : right;
}
