/** Everything about one program of a search: what changed, what is wrong with it, what was asked and answered. */

import type { FindingExample, SearchFinding, SearchNode } from "../../shared/searchTree";
import { diffTable, programTable } from "../common/code";
import { type Child, element, fill, prose } from "../common/dom";
import { type Tab, Tabs } from "../common/tabs";
import { count, dollars, seconds, share, visible } from "../common/words";
import { paint } from "./colours";

const SEVERITIES = { error: "Error", warning: "Warning", info: "Info", hint: "Hint" } as const;

/** Something that can be done with a program, offered as a button. */
export interface NodeAction {
  readonly label: string;
  readonly offered: (node: SearchNode) => boolean;
  readonly run: (node: SearchNode) => void;
}

export class Details {
  readonly element = element("section", { class: "details", "aria-label": "Program" });
  private readonly tabs = new Tabs();
  private shown: SearchNode | null = null;

  /**
   * @param actions What can be done with a program.
   * @param onSelect Told of another program that was asked for.
   */
  constructor(
    private readonly actions: readonly NodeAction[],
    private readonly onSelect: (id: number) => void,
  ) {}

  /** Shows a program; what is read of it stays where it is when it is shown again. */
  show(node: SearchNode | null, parent: SearchNode | null, best: boolean): void {
    const again = node !== null && node.id === this.shown?.id && node.program === this.shown.program;
    this.shown = node;
    if (!node) {
      fill(this.element, element("p", { class: "nothing" }, "Nothing has been tried yet."));
    } else if (again) {
      this.element.firstElementChild?.replaceWith(this.head(node, best));
    } else {
      this.tabs.show(tabsOf(node, parent));
      fill(this.element, this.head(node, best), remarks(node), this.tabs.element);
    }
  }

  private head(node: SearchNode, best: boolean): HTMLElement {
    const { fill: background, text: colour } = paint(node.accuracy);
    const badge = element("span", { class: "badge" }, node.program === null ? "no program" : share(node.accuracy));
    badge.style.background = background;
    badge.style.color = colour;
    const buttons = this.actions
      .filter((action) => action.offered(node))
      .map((action) => {
        const button = element("button", { type: "button" }, action.label);
        button.addEventListener("click", () => action.run(node));
        return button;
      });
    return element(
      "header",
      { class: "program-head" },
      element("h2", {}, `Program ${node.id}`),
      badge,
      best && element("span", { class: "best-mark" }, "best"),
      element("span", { class: "origin" }, ...this.origin(node)),
      element("span", { class: "spent" }, spent(node)),
      buttons.length > 0 && element("span", { class: "actions" }, ...buttons),
    );
  }

  private origin(node: SearchNode): readonly Child[] {
    if (node.action === null) return ["the program the search began with"];
    if (node.parent === null) return [`${node.action}, from nothing`];
    const parent = node.parent;
    const link = element("button", { type: "button", class: "link" }, `program ${parent}`);
    link.addEventListener("click", () => this.onSelect(parent));
    return [`${node.action}, from `, link];
  }
}

function spent(node: SearchNode): string {
  const parts = [
    node.calls > 0 && count(node.calls, "call"),
    node.tokens > 0 && count(node.tokens, "token"),
    node.cost > 0 && dollars(node.cost),
    `after ${seconds(node.seconds)}`,
  ];
  return parts.filter(Boolean).join(" \u00b7 ");
}

function remarks(node: SearchNode): HTMLElement | false {
  const lines = [
    node.reason && element("p", { class: "remark fails" }, ...prose(node.reason)),
    node.note && element("p", { class: "remark" }, ...prose(node.note)),
    node.polished && element("p", { class: "remark" }, "The program of the reply was repaired before it was scored."),
  ].filter((line) => line instanceof HTMLElement);
  return lines.length > 0 && element("div", { class: "remarks" }, ...lines);
}

function tabsOf(node: SearchNode, parent: SearchNode | null): readonly Tab[] {
  const program = node.program;
  const lines = new Set(node.findings.map((found) => found.line));
  const tabs: (Tab | false)[] = [
    program !== null &&
      parent !== null && {
        title: "Changes",
        make: () =>
          node.diff
            ? diffTable(node.diff, parent.program ?? "", program)
            : element("p", { class: "nothing" }, `The same as program ${parent.id}.`),
      },
    program !== null && {
      title: node.findings.length > 0 ? `Findings (${node.findings.length})` : "Findings",
      make: () => findings(node),
    },
    program !== null && { title: "Program", make: () => programTable(program, lines) },
    node.prompt !== "" && { title: "Prompt", make: () => text(node.prompt) },
    node.reply !== "" && { title: "Reply", make: () => text(node.reply) },
  ];
  return tabs.filter((tab) => tab !== false);
}

function findings(node: SearchNode): HTMLElement {
  const fields = Object.entries(node.fields);
  return element(
    "div",
    { class: "findings" },
    node.findings.length === 0 && element("p", { class: "nothing" }, "Nothing is wrong on the searched transitions."),
    node.findings.length > 0 && element("ol", {}, ...node.findings.map(finding)),
    fields.length > 0 &&
      element(
        "table",
        { class: "fields" },
        element("caption", {}, "Accuracy of every field"),
        element("tbody", {}, ...fields.map(([name, accuracy]) => fieldRow(name, accuracy))),
      ),
  );
}

function fieldRow(name: string, accuracy: number): HTMLElement {
  const meter = element("meter", { min: 0, max: 1, value: accuracy, "aria-hidden": "true" });
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, visible(name)),
    element("td", {}, meter),
    element("td", { class: "share" }, share(accuracy)),
  );
}

function finding(found: SearchFinding): HTMLElement {
  const place = [`line ${found.line}`, found.count > 0 && count(found.count, "transition")].filter(Boolean).join(", ");
  return element(
    "li",
    { class: `finding ${found.severity}` },
    element(
      "p",
      { class: "finding-head" },
      element("span", { class: "severity" }, SEVERITIES[found.severity]),
      element("code", {}, found.code),
      element("span", { class: "place" }, place),
    ),
    element("p", {}, ...prose(found.message)),
    found.note && element("p", { class: "note" }, ...prose(found.note)),
    found.example && found.example.rows.length > 0 && exampleTable(found.example),
  );
}

function exampleTable(example: FindingExample): HTMLElement {
  const where = `Episode ${example.episode}, step ${example.step}, action ${example.action}`;
  const head = ["", "before", "expected", "predicted", "difference"];
  return element(
    "table",
    { class: "example" },
    element("caption", {}, visible(where)),
    element("thead", {}, element("tr", {}, ...head.map((title) => element("th", { scope: "col" }, title)))),
    element(
      "tbody",
      {},
      ...example.rows.map((row) =>
        element(
          "tr",
          {},
          element("th", { scope: "row" }, visible(row.field)),
          ...[row.state, row.expected, row.predicted, row.difference].map((cell) => element("td", {}, visible(cell))),
        ),
      ),
    ),
  );
}

function text(content: string): HTMLElement {
  return element("pre", { class: "text" }, visible(content));
}
