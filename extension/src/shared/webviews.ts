/** What the extension and its webviews say to each other. */

import type { SearchTree } from "./searchTree";

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
