/** What came of a search or a fit, in a sentence. */

import { count, share } from "../webviews/common/words";

/** The result of a search, as far as it is told (see `cwm synthesize --output-format json`). */
export interface SearchDocument {
  readonly status: "verified" | "partial" | "failed" | "cancelled";
  readonly accuracy: { readonly search: number | null; readonly heldout: number | null };
  readonly nodes: number;
  readonly run: string;
  readonly message: string | null;
}

/** The result of a fit (see `cwm fit --output-format json`). */
export interface FitDocument {
  readonly accuracy: { readonly before: number | null; readonly after: number | null };
  readonly changed: readonly { readonly name: string; readonly before: string; readonly after: string }[];
  readonly undetermined: readonly { readonly name: string; readonly line: number; readonly message: string }[];
  readonly message: string | null;
}

/** What a search has found; `changes` says whether it is another program than the one in the file. */
export function searchWords(document: SearchDocument, changes: boolean): string {
  const { status, accuracy } = document;
  const searched = `${share(accuracy.search)} of the searched transitions right`;
  const heldout = accuracy.heldout === null ? "" : `, ${share(accuracy.heldout)} of those held out`;
  const tried = count(document.nodes, "program");
  const why = document.message && status !== "cancelled" ? ` (${document.message})` : "";
  if (status === "failed") return `No program was found that predicts anything; ${tried} tried${why}.`;
  if (status === "verified") {
    return changes
      ? `Verified: the program predicts every searched and every held-out transition; ${tried} tried.`
      : "The model is right already: it predicts every searched and every held-out transition.";
  }
  const stopped = status === "cancelled" ? "The search was stopped. " : "";
  return changes
    ? `${stopped}The best program has ${searched}${heldout}; ${tried} tried${why}.`
    : `${stopped}Nothing better was found than what is there: ${searched}${heldout}; ${tried} tried${why}.`;
}

export function fitWords(document: FitDocument): string {
  const { accuracy, changed, undetermined } = document;
  const names = undetermined.slice(0, 3).map(({ name }) => name);
  const more = undetermined.length > names.length ? ` and ${undetermined.length - names.length} more` : "";
  const unknown = names.length > 0 ? ` The data cannot determine ${names.join(", ")}${more}.` : "";
  if (changed.length === 0) return `${document.message ?? "No number had to be changed."}${unknown}`;
  const after = share(accuracy.after);
  return `${count(changed.length, "number")} fitted: ${after} of the transitions right, ${share(accuracy.before)} before.${unknown}`;
}
