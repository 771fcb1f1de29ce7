/** The view of a search: its tree, its accuracy over calls, and the program that is looked at. */

import type { SearchNode, SearchTree } from "../../shared/searchTree";
import { button, element, fill } from "../common/dom";
import { dollars, seconds, share, visible } from "../common/words";
import { Chart } from "./chart";
import { paint } from "./colours";
import { Details, type NodeAction } from "./details";
import { Drawing } from "./drawing";

const STATUSES = {
  verified: "verified",
  partial: "partial",
  failed: "failed",
  cancelled: "stopped",
  unfinished: "not ended",
} as const;

export interface ViewOptions {
  /** What can be done with a program. */
  readonly actions?: readonly NodeAction[];
  /** Put at the end of the title line, e.g. a button that stops the search. */
  readonly tools?: readonly HTMLElement[];
}

export class SearchTreeView {
  private readonly head = element("header", { class: "run" });
  private readonly chart: Chart;
  private readonly chartTitle = element("h2", {});
  private readonly drawing: Drawing;
  private readonly details: Details;
  private readonly tools: readonly HTMLElement[];
  private tree: SearchTree | null = null;
  private byId: ReadonlyMap<number, SearchNode> = new Map();
  /** What somebody has chosen to look at; the best program is followed until then. */
  private chosen: number | null = null;

  /** Builds the view into an element. Call `show` with every new state of the search. */
  constructor(root: HTMLElement, options: ViewOptions = {}) {
    this.chart = new Chart((id) => {
      this.choose(id);
      this.drawing.reveal(id, false);
    });
    this.drawing = new Drawing((id) => this.choose(id));
    this.details = new Details(options.actions ?? [], (id) => {
      this.choose(id);
      this.drawing.reveal(id, true);
    });
    this.tools = options.tools ?? [];
    fill(
      root,
      element(
        "main",
        { class: "search-tree" },
        this.head,
        element("section", { class: "over-calls" }, this.chartTitle, this.chart.element),
        element("section", { class: "tree" }, this.treeHead(), this.drawing.element, legend()),
        this.details.element,
      ),
    );
  }

  /** Shows a search as it is now; a program that was chosen stays in view. */
  show(tree: SearchTree, running = false): void {
    if (tree.run !== this.tree?.run) this.chosen = null;
    this.tree = tree;
    this.byId = new Map(tree.nodes.map((node) => [node.id, node]));
    fill(this.head, ...summary(tree, running), ...this.tools);
    fill(this.chartTitle, tree.nodes.some((node) => node.calls > 0) ? "Accuracy over calls" : "Accuracy over programs");
    this.drawing.show(tree);
    this.select(this.chosen ?? tree.best ?? tree.nodes[0]?.id ?? null);
  }

  private choose(id: number): void {
    this.chosen = id;
    this.select(id);
  }

  private select(id: number | null): void {
    const tree = this.tree;
    if (!tree) return;
    const node = (id !== null && this.byId.get(id)) || null;
    const parent = node && node.parent !== null ? (this.byId.get(node.parent) ?? null) : null;
    this.drawing.select(id);
    this.chart.show(tree.nodes, id);
    this.details.show(node, parent, id !== null && id === tree.best);
  }

  private treeHead(): HTMLElement {
    return element(
      "div",
      { class: "tree-head" },
      element("h2", {}, "Search tree"),
      element("span", { class: "hint" }, "arrow keys walk, + \u2212 0 zoom"),
      button("Best", "Show the best program", () => {
        const best = this.tree?.best ?? null;
        if (best === null) return;
        this.chosen = null;
        this.select(best);
        this.drawing.reveal(best, true);
      }),
      button("Fit", "Show the whole tree", () => this.drawing.fit(true)),
      button("+", "Zoom in", () => this.drawing.zoomBy(1.25)),
      button("\u2212", "Zoom out", () => this.drawing.zoomBy(0.8)),
    );
  }
}

function summary(tree: SearchTree, running: boolean): readonly HTMLElement[] {
  const last = tree.nodes.at(-1);
  const total = (of: (node: SearchNode) => number): number => tree.nodes.reduce((sum, node) => sum + of(node), 0);
  const [calls, tokens, cost] = [total((node) => node.calls), total((node) => node.tokens), total((node) => node.cost)];
  const facts: readonly (readonly [string, string] | false)[] = [
    ["searched", share(tree.accuracy.search)],
    ["held out", tree.accuracy.heldout === null ? "not checked" : share(tree.accuracy.heldout)],
    ["programs", tree.nodes.length.toLocaleString("en-US")],
    calls > 0 && ["calls", calls.toLocaleString("en-US")],
    tokens > 0 && ["tokens", tokens.toLocaleString("en-US")],
    cost > 0 && ["cost", dollars(cost)],
    last !== undefined && ["time", seconds(last.seconds)],
  ];
  const how = [tree.environment, tree.strategy, tree.proposer, tree.run].filter((word) => word !== null);
  return [
    element(
      "div",
      { class: "title" },
      element("h1", { title: tree.file }, visible(tree.file?.split("/").at(-1) ?? tree.run)),
      element("span", { class: `status ${tree.status}` }, running ? "running" : STATUSES[tree.status]),
      element("span", { class: "how" }, visible(how.join(" \u00b7 "))),
    ),
    element(
      "dl",
      { class: "facts" },
      ...facts
        .filter((fact) => fact !== false)
        .map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))),
    ),
    ...(tree.message ? [element("p", { class: "message" }, visible(sentence(tree.message)))] : []),
  ];
}

function sentence(message: string): string {
  return `The search ended: ${message.replace(/\.$/, "")}.`;
}

function legend(): HTMLElement {
  const steps = [0, 0.25, 0.5, 0.75, 1].map((accuracy) => {
    const swatch = element("span", { class: "swatch" }, String(accuracy * 100));
    const { fill: background, text } = paint(accuracy);
    swatch.style.background = background;
    swatch.style.color = text;
    return swatch;
  });
  return element(
    "p",
    { class: "legend" },
    element("span", {}, "% of transitions right"),
    element("span", { class: "scale" }, ...steps),
    element("span", { class: "key to-best" }, "way to the best"),
    element("span", { class: "key fails" }, "raises or does not run"),
  );
}
