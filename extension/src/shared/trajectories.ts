/** What a model was checked against, episode by episode, as the engine writes it (`cwm_engine/checking/episodes.py`). */

/** The episodes of the data, and how many of their steps fail. */
export interface Dataset {
  readonly schema: number;
  readonly model: string;
  readonly environment: string | null;
  readonly trajectories: string | null;
  /** 0..1. */
  readonly accuracy: number | null;
  /** The parts of the observation that are pictures; see `Image`. */
  readonly images: readonly string[];
  readonly episodes: readonly EpisodeSummary[];
}

export interface EpisodeSummary {
  readonly episode: number;
  readonly steps: number;
  readonly checked: number;
  readonly failing: number;
  /** The first failing step, from 0. */
  readonly first: number | null;
  /** The sum of the rewards; a text where it is no finite number. */
  readonly return: number | string;
}

/** Some steps of an episode, as columns with one entry a step. */
export interface Episode {
  readonly schema: number;
  readonly episode: number;
  /** Steps of the whole episode. */
  readonly length: number;
  /** The first step that is told. */
  readonly start: number;
  /** The failing steps of the whole episode, from 0. */
  readonly failing: readonly number[];
  /** What the data calls the steps. */
  readonly steps: readonly number[];
  readonly actions: readonly unknown[];
  readonly checked: readonly boolean[];
  /** Why there is no prediction. */
  readonly errors: readonly (string | null)[];
  readonly truncated: readonly boolean[];
  readonly fields: readonly Field[];
}

/** A number, a truth value, a text (also for numbers that are not finite), or null where there is nothing. */
export type Cell = number | boolean | string | null;

/** A part of a transition. */
export interface Field {
  readonly name: string;
  readonly kind: "float" | "int" | "bool" | "text" | "json";
  readonly shape: readonly number[];
  /** One entry a step: a cell where the shape is empty, else a flat list of them. */
  readonly before: readonly (Cell | readonly Cell[])[] | null;
  readonly expected: readonly (Cell | readonly Cell[])[];
  readonly predicted: readonly (Cell | readonly Cell[] | null)[];
  /** The elements that are wrong, by their place in the flat list. */
  readonly wrong: readonly (readonly number[])[];
}

/** A failing step, with all that was observed and predicted. */
export interface StepFailure {
  readonly step: number;
  readonly state: unknown;
  readonly action: unknown;
  readonly expected: unknown;
  readonly predicted: unknown;
  readonly differs: readonly string[];
}

/** A picture of a step; its bytes in base64. */
export interface Image {
  readonly name: string;
  /** Height, width, and 1, 3 or 4 channels. */
  readonly shape: readonly [number, number, number];
  readonly before: string | null;
  readonly expected: string | null;
  readonly predicted: string | null;
}
