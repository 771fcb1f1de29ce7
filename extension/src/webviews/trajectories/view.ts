/** The trajectory viewer: an episode step by step, what was observed beside what the model predicts. */

import type { Dataset, Episode, EpisodeSummary, Image } from "../../shared/trajectories";
import { button, element, fill } from "../common/dom";
import { count, share, visible } from "../common/words";
import { gridsOf, imagesOf } from "./grid";
import { difference, grids, nextFailing, pair, plotted, type Scalar, scalars, text } from "./parts";
import { plot, type Plot } from "./plot";

const MOST_PLOTS = 24;
const WINDOW = 500;

export interface TrajectoryRequests {
  readonly model: (name: string) => void;
  readonly episode: (episode: number, start: number) => void;
  readonly images: (episode: number, step: number) => void;
  /** Debugs the model at a step; left out where that cannot be done. */
  readonly debug?: (episode: number, step: number) => void;
}

export class TrajectoryView {
  private readonly head = element("header", { class: "run" });
  private readonly notice = element("p", { class: "notice", role: "status" });
  private readonly models = element("select", { "aria-label": "Model" });
  private readonly episodes = element("select", { "aria-label": "Episode" });
  private readonly slider = element("input", { type: "range", min: 0, step: 1, "aria-label": "Step" });
  private readonly ticks = element("div", { class: "ticks", "aria-hidden": "true" });
  private readonly title = element("h2", { "aria-live": "polite" });
  private readonly step = element("section", { class: "step", "aria-label": "Step" });
  private readonly pictures = element("div", { class: "pictures" });
  private readonly plots = element("section", { class: "plots", "aria-label": "Over time" });
  private dataset: Dataset | null = null;
  private episode: Episode | null = null;
  private drawn: readonly Plot[] = [];
  private at = 0;
  private wanted: { readonly episode: number; readonly step: number } | null = null;

  /** Builds the viewer into an element. */
  constructor(
    root: HTMLElement,
    private readonly requests: TrajectoryRequests,
  ) {
    this.episodes.addEventListener("change", () => this.go(Number(this.episodes.value), null));
    this.models.addEventListener("change", () => requests.model(this.models.value));
    this.slider.addEventListener("input", () => this.show(Number(this.slider.value)));
    const main = element(
      "main",
      { class: "trajectories" },
      this.head,
      this.notice,
      element("div", { class: "controls" }, this.models, this.episodes, ...this.buttons(), this.title),
      element("div", { class: "timeline" }, this.ticks, this.slider),
      this.step,
      this.plots,
    );
    main.addEventListener("keydown", (event) => this.key(event));
    fill(root, main);
    this.problem("Waiting for the check of the file.");
  }

  /** Takes over what the model was checked against; the step that is looked at stays. */
  showDataset(
    file: string,
    models: readonly string[],
    dataset: Dataset,
    at: { readonly episode: number; readonly step: number | null } | null,
  ): void {
    this.dataset = dataset;
    this.notice.textContent = "";
    fill(this.head, ...summary(file, dataset));
    fill(this.models, ...models.map((name) => option(name, name, name === dataset.model)));
    this.models.hidden = models.length < 2;
    const known = this.episode?.episode ?? null;
    const failing = dataset.episodes.find((episode) => episode.failing > 0) ?? dataset.episodes[0];
    const stays = known !== null && known < dataset.episodes.length ? { episode: known, step: this.at } : null;
    const begin = failing ? { episode: failing.episode, step: failing.first ?? 0 } : null;
    const target = at ?? this.wanted ?? stays ?? begin;
    fill(
      this.episodes,
      ...dataset.episodes.map((each) => option(String(each.episode), words(each), each.episode === target?.episode)),
    );
    if (target) this.go(target.episode, target.step);
  }

  showEpisode(episode: Episode): void {
    const wanted = this.wanted;
    if (wanted && wanted.episode !== episode.episode) return;
    this.episode = episode;
    this.episodes.value = String(episode.episode);
    this.slider.max = String(Math.max(episode.length - 1, 0));
    this.drawTicks(episode);
    this.drawPlots(episode);
    this.show(wanted?.step ?? Math.min(this.at, episode.length - 1));
    this.wanted = null;
  }

  showImages(episode: number, step: number, images: readonly Image[]): void {
    if (episode === this.episode?.episode && step === this.at) fill(this.pictures, ...images.map(imagesOf));
  }

  /** Says that what is shown is about an older text. */
  stale(): void {
    this.notice.textContent = "The model has changed; it is being checked.";
  }

  problem(message: string): void {
    this.notice.textContent = visible(message);
  }

  private go(episode: number, step: number | null): void {
    const first = this.dataset?.episodes[episode]?.first ?? 0;
    const target = step ?? first;
    this.wanted = { episode, step: target };
    this.requests.episode(episode, Math.floor(target / WINDOW) * WINDOW);
  }

  private show(step: number): void {
    const episode = this.episode;
    if (!episode || episode.length === 0) return;
    const at = Math.min(Math.max(step, 0), episode.length - 1);
    const index = at - episode.start;
    if (index < 0 || index >= episode.steps.length) {
      this.go(episode.episode, at);
      return;
    }
    const moved = at !== this.at;
    this.at = at;
    this.slider.value = String(at);
    this.slider.setAttribute("aria-valuetext", this.spoken(episode, index));
    this.title.textContent = `Step ${at} of ${episode.length - 1}, action ${visible(show(episode.actions[index]))}`;
    const rows = scalars(episode);
    if (moved) fill(this.pictures);
    fill(
      this.step,
      episode.errors[index] && element("p", { class: "remark fails" }, visible(episode.errors[index] ?? "")),
      !episode.checked[index] && element("p", { class: "remark" }, "This step was not run."),
      table(rows, index),
      ...grids(episode).map((field) => gridsOf(field, index)),
      this.pictures,
    );
    for (const each of this.drawn) each.mark(index);
    this.requests.images(episode.episode, at);
  }

  private drawPlots(episode: Episode): void {
    const chosen = plotted(scalars(episode), episode.steps.length, MOST_PLOTS);
    this.drawn = chosen.map((row) => plot(row, episode.steps.length, (at) => this.show(at + episode.start)));
    const part =
      episode.steps.length < episode.length
        ? `, steps ${episode.start} to ${episode.start + episode.steps.length - 1}`
        : "";
    fill(
      this.plots,
      chosen.length > 0 && element("h2", {}, `Over time${part}`),
      chosen.length > 0 && plotLegend(),
      element("div", { class: "plot-list" }, ...this.drawn.map((each) => each.element)),
    );
  }

  private drawTicks(episode: Episode): void {
    const width = Math.max(episode.length - 1, 1);
    fill(
      this.ticks,
      ...episode.failing.map((step) => {
        const tick = element("span", { class: "tick" });
        tick.style.left = `${(step / width) * 100}%`;
        return tick;
      }),
    );
  }

  private spoken(episode: Episode, index: number): string {
    const at = index + episode.start;
    return `Step ${at}${episode.failing.includes(at) ? ", fails" : ""}`;
  }

  private buttons(): readonly HTMLElement[] {
    const { debug } = this.requests;
    const buttons = [
      button("\u25c0", "Step back (Left)", () => this.show(this.at - 1)),
      button("\u25b6", "Step on (Right)", () => this.show(this.at + 1)),
      button("\u2039 Failing", "Failing step before (p)", () => this.failing(-1)),
      button("Failing \u203a", "Next failing step (n)", () => this.failing(1)),
    ];
    if (debug) {
      buttons.push(
        button("Debug", "Debug the model at this step", () => this.episode && debug(this.episode.episode, this.at)),
      );
    }
    return buttons;
  }

  /** Goes to a failing step, in another episode where there is none left in this one. */
  private failing(direction: 1 | -1): void {
    const { episode, dataset } = this;
    if (!episode || !dataset) return;
    const step = nextFailing(episode.failing, this.at, direction);
    if (step !== null) {
      this.show(step);
      return;
    }
    const others = dataset.episodes.filter(
      (each) => each.failing > 0 && (each.episode - episode.episode) * direction > 0,
    );
    const next = direction > 0 ? others[0] : others.at(-1);
    if (next) this.go(next.episode, next.first);
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target instanceof HTMLSelectElement) return;
    const keys: Readonly<Record<string, () => void>> = {
      ArrowLeft: () => this.show(this.at - 1),
      ArrowRight: () => this.show(this.at + 1),
      Home: () => this.show(0),
      End: () => this.show(Number.MAX_SAFE_INTEGER),
      n: () => this.failing(1),
      p: () => this.failing(-1),
    };
    const run = keys[event.key];
    if (!run) return;
    run();
    event.preventDefault();
  }
}

function summary(file: string, dataset: Dataset): readonly HTMLElement[] {
  const steps = dataset.episodes.reduce((sum, episode) => sum + episode.steps, 0);
  const failing = dataset.episodes.reduce((sum, episode) => sum + episode.failing, 0);
  const facts = [
    ["right", share(dataset.accuracy)],
    ["failing steps", failing.toLocaleString("en-US")],
    ["steps", steps.toLocaleString("en-US")],
    ["episodes", dataset.episodes.length.toLocaleString("en-US")],
  ] as const;
  const how = [dataset.environment, dataset.trajectories?.split("/").at(-1)].filter(Boolean).join(" \u00b7 ");
  return [
    element(
      "div",
      { class: "title" },
      element("h1", {}, visible(file)),
      element("span", { class: "how" }, visible(how)),
    ),
    element(
      "dl",
      { class: "facts" },
      ...facts.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))),
    ),
  ];
}

function words(episode: EpisodeSummary): string {
  const fails = episode.failing > 0 ? `, ${episode.failing.toLocaleString("en-US")} failing` : "";
  return `Episode ${episode.episode}: ${count(episode.steps, "step")}${fails}`;
}

function option(value: string, label: string, selected: boolean): HTMLElement {
  return element("option", { value, selected }, label);
}

function table(rows: readonly Scalar[], index: number): HTMLElement {
  const head = ["", "before", "expected", "predicted", "difference"];
  return element(
    "table",
    { class: "transition" },
    element("thead", {}, element("tr", {}, ...head.map((title) => element("th", { scope: "col" }, title)))),
    element("tbody", {}, ...rows.map((row) => tableRow(row, index))),
  );
}

function tableRow(row: Scalar, index: number): HTMLElement {
  const wrong = row.wrong(index);
  const [expected, predicted] = pair(row.expected(index), row.predicted(index), wrong);
  const delta = difference(row.expected(index), row.predicted(index));
  return element(
    "tr",
    { class: wrong ? "wrong" : null },
    element(
      "th",
      { scope: "row" },
      visible(row.name),
      wrong && element("span", { class: "mark", "aria-label": "wrong" }, " \u2260"),
    ),
    element("td", {}, visible(text(row.before(index)))),
    element("td", {}, visible(expected)),
    element("td", {}, visible(predicted)),
    element("td", { class: "delta" }, wrong ? delta : ""),
  );
}

function plotLegend(): HTMLElement {
  return element(
    "p",
    { class: "legend" },
    element("span", { class: "key observed" }, "observed"),
    element("span", { class: "key predicted" }, "predicted"),
    element("span", { class: "key wrong" }, "predicted wrongly"),
  );
}

function show(value: unknown): string {
  const json = JSON.stringify(value) ?? "";
  return json.length > 60 ? `${json.slice(0, 57)}...` : json;
}
