/** What the extension and its webviews say to each other. */

import type { SearchTree } from "./searchTree";
import type { Dataset, Episode, Image } from "./trajectories";

/** To the search tree. */
export interface ShowSearch {
  readonly type: "show";
  /** The whole tree, or only the news of the one that is shown. */
  readonly tree: SearchTree;
  /** Whether the search goes on, and can be stopped. */
  readonly running: boolean;
  /** Whether there is a file that a program could be put into. */
  readonly usable: boolean;
}

/** From the search tree; `ready` asks for the whole tree, whenever the page was loaded anew. */
export type SearchMessage =
  | { readonly type: "ready" }
  | { readonly type: "stop" }
  | { readonly type: "diff"; readonly node: number }
  | { readonly type: "use"; readonly node: number };

/** To the trajectory viewer. */
export type TrajectoryNews =
  | {
      readonly type: "dataset";
      readonly file: string;
      readonly models: readonly string[];
      readonly dataset: Dataset;
      /** Where to begin, if it was asked for. */
      readonly at: { readonly episode: number; readonly step: number | null } | null;
    }
  | { readonly type: "episode"; readonly episode: Episode }
  | {
      readonly type: "images";
      readonly episode: number;
      readonly step: number;
      readonly images: readonly Image[];
    }
  /** What is shown is about an older text, or there is nothing to show, and why. */
  | { readonly type: "problem"; readonly message: string }
  | { readonly type: "stale" };

/** From the trajectory viewer; `ready` asks for everything, whenever the page was loaded anew. */
export type TrajectoryMessage =
  | { readonly type: "ready" }
  | { readonly type: "model"; readonly model: string }
  | { readonly type: "episode"; readonly episode: number; readonly start: number }
  | { readonly type: "images"; readonly episode: number; readonly step: number }
  | { readonly type: "debug"; readonly episode: number; readonly step: number };
