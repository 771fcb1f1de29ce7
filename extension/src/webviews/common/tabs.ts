/** Tabs, as the ARIA authoring practices describe them: arrow keys move, and the panel follows. */

import { element, fill } from "./dom";

export interface Tab {
  readonly title: string;
  /** Makes the content when it is first looked at. */
  readonly make: () => Node;
}

let made = 0;

export class Tabs {
  readonly element: HTMLElement;
  private readonly list = element("div", { class: "tabs", role: "tablist" });
  private readonly panel: HTMLElement;
  private readonly id = `tabs-${(made += 1)}`;
  private tabs: readonly Tab[] = [];
  private wanted = "";

  constructor() {
    this.panel = element("div", { class: "panel", role: "tabpanel", id: `${this.id}-panel`, tabindex: 0 });
    this.element = element("div", { class: "tabbed" }, this.list, this.panel);
    this.list.addEventListener("keydown", (event) => this.walk(event));
  }

  /** Shows other tabs; the one of the same kind as the one that was open is open again. */
  show(tabs: readonly Tab[]): void {
    this.tabs = tabs;
    fill(
      this.list,
      ...tabs.map((tab, index) => {
        const button = element(
          "button",
          { type: "button", role: "tab", id: `${this.id}-${index}`, "aria-controls": this.panel.id },
          tab.title,
        );
        button.addEventListener("click", () => {
          this.wanted = kind(tab);
          this.open(index);
        });
        return button;
      }),
    );
    this.open(
      Math.max(
        0,
        tabs.findIndex((tab) => kind(tab) === this.wanted),
      ),
    );
  }

  private open(index: number): void {
    for (const [at, button] of [...this.list.children].entries()) {
      button.setAttribute("aria-selected", String(at === index));
      button.setAttribute("tabindex", at === index ? "0" : "-1");
    }
    const tab = this.tabs[index];
    this.panel.setAttribute("aria-labelledby", `${this.id}-${index}`);
    this.panel.scrollTo(0, 0);
    fill(this.panel, tab?.make());
  }

  private walk(event: KeyboardEvent): void {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    const buttons = [...this.list.querySelectorAll("button")];
    const at = buttons.findIndex((button) => button === document.activeElement);
    const next = buttons[(at + step + buttons.length) % buttons.length];
    next?.click();
    next?.focus();
    event.preventDefault();
  }
}

/** What a tab is, without numbers in its title. */
function kind(tab: Tab): string {
  return tab.title.replace(/ \(\d+\)$/, "");
}
