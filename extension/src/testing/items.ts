/** The tree of the Test Explorer: file > model, where there are several > episode > failing step. */
import { Range, type TestController, type TestItem, type TextDocument, type Uri, workspace } from "vscode";
import type { Dataset, EpisodeSummary } from "../shared/trajectories";
import type { StepFailure } from "../shared/trajectories";
import { summary } from "./layout";
import { modelLine } from "./places";

/** What an item stands for. */
export type Place =
  | { readonly kind: "file"; readonly uri: Uri }
  | { readonly kind: "model"; readonly uri: Uri; readonly model: string }
  | { readonly kind: "episode"; readonly uri: Uri; readonly model: string; readonly episode: number }
  | {
      readonly kind: "step";
      readonly uri: Uri;
      readonly model: string;
      readonly episode: number;
      readonly failure: StepFailure;
    };

/** So many episodes are listed; of more, the failing ones come first. */
const MOST_EPISODES = 500;

export class Items {
  readonly #controller: TestController;
  readonly #places = new WeakMap<TestItem, Place>();

  constructor(controller: TestController) {
    this.#controller = controller;
  }

  placeOf(item: TestItem): Place | undefined {
    return this.#places.get(item);
  }

  /** The item of a file, made if there is none. */
  file(uri: Uri): TestItem {
    const id = uri.toString();
    const known = this.#controller.items.get(id);
    if (known) return known;
    const item = this.#item(id, uri.path.split("/").at(-1) ?? id, { kind: "file", uri });
    item.description = workspace.asRelativePath(uri);
    item.canResolveChildren = true;
    this.#controller.items.add(item);
    return item;
  }

  /** Lists the models and episodes of a file; what was known of steps is forgotten. */
  fill(file: TestItem, document: TextDocument, datasets: readonly Dataset[]): void {
    const uri = document.uri;
    const [first] = datasets;
    const line = (model: string): Range => {
      const number = modelLine(document.getText(), model);
      return new Range(number, 0, number, 0);
    };
    if (datasets.length === 1 && first) {
      file.range = line(first.model);
      file.children.replace(this.#episodes(uri, first));
      return;
    }
    file.children.replace(
      datasets.map((dataset) => {
        const item = this.#item(`${uri}::${dataset.model}`, dataset.model, {
          kind: "model",
          uri,
          model: dataset.model,
        });
        item.range = line(dataset.model);
        item.children.replace(this.#episodes(uri, dataset));
        return item;
      }),
    );
  }

  /** Lists failing steps of an episode, of which there may be more than `most`. */
  fillSteps(item: TestItem, failures: readonly StepFailure[], most: number): void {
    const place = this.placeOf(item);
    if (place?.kind !== "episode") return;
    // Where all are listed, opening the item must not list them again: results belong to the items that there are.
    item.canResolveChildren = failures.length >= most;
    item.children.replace(
      failures.map((failure) => {
        const step = this.#item(`${item.id}/${failure.step}`, summary(failure), { ...place, kind: "step", failure });
        step.sortText = sortable(failure.step);
        return step;
      }),
    );
  }

  #episodes(uri: Uri, dataset: Dataset): TestItem[] {
    const listed = dataset.episodes
      .toSorted((a, b) => Number(b.failing > 0) - Number(a.failing > 0) || a.episode - b.episode)
      .slice(0, MOST_EPISODES);
    return listed.map((summaryOf) => this.#episode(uri, dataset.model, summaryOf));
  }

  #episode(uri: Uri, model: string, { episode, steps, failing }: EpisodeSummary): TestItem {
    const item = this.#item(`${uri}::${model}/${episode}`, `Episode ${episode}`, {
      kind: "episode",
      uri,
      model,
      episode,
    });
    item.description = failing ? `${failing} of ${steps} steps wrong` : `${steps} steps`;
    item.sortText = sortable(episode);
    item.canResolveChildren = failing > 0;
    return item;
  }

  #item(id: string, label: string, place: Place): TestItem {
    const item = this.#controller.createTestItem(id, label, place.uri);
    this.#places.set(item, place);
    return item;
  }
}

function sortable(number: number): string {
  return String(number).padStart(9, "0");
}
