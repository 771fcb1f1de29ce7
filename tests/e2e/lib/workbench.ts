// What a person does in the workbench, as a test says it.
import { isDeepStrictEqual } from "node:util";
import type { FrameLocator, Locator, Page } from "playwright-core";
import { until } from "./until.ts";

export class Workbench {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  /** Answers the dialog that asks whether the authors of this folder are trusted. */
  async trust(answer: RegExp = /^Yes, I trust/): Promise<void> {
    const dialog = this.page.locator(".monaco-dialog-box");
    await dialog.getByRole("button", { name: answer }).first().click();
    await dialog.waitFor({ state: "detached" });
  }

  /** Runs a command from the palette by its full title, for example "View: Toggle Panel Visibility". */
  async command(title: string): Promise<void> {
    const row = this.choices().filter({ hasText: title }).first();
    // A command that comes with a part of the workbench which is not there yet is looked for again.
    for (let attempt = 0; attempt < 10 && !(await row.isVisible()); attempt += 1) {
      await this.page.keyboard.press("Escape");
      await this.page.keyboard.press("F1");
      // What opens or closes at this moment may take the focus, and the palette with it.
      const filled = this.#input().fill(`>${title}`, { timeout: 5000 });
      await filled.then(() => row.waitFor({ timeout: 3000 })).catch(() => {});
    }
    await row.click();
  }

  /** Chooses an entry of the list that is open. */
  async pick(label: string | RegExp): Promise<void> {
    const row = this.choices().filter({ hasText: label }).first();
    await row.waitFor();
    await row.click();
  }

  /** Chooses an entry of a list that is too long to be drawn as a whole, by typing it. */
  async choose(label: string): Promise<void> {
    await this.#input().fill(label);
    await this.pick(label);
  }

  /** Answers the input box that is open. */
  async enter(text: string): Promise<void> {
    await this.#input().fill(text);
    await this.page.keyboard.press("Enter");
  }

  /** Answers the input box whose title ends with a word: one of several that follow each other. */
  async enterFor(title: string, text: string): Promise<void> {
    await this.page.locator(".quick-input-title", { hasText: new RegExp(`${title}$`) }).waitFor();
    await this.enter(text);
  }

  /** Waits for the input box that offers an answer. */
  async answers(value: string): Promise<void> {
    await this.page.waitForFunction(
      ([selector, wanted]) => document.querySelector<HTMLInputElement>(selector ?? "")?.value === wanted,
      ['.quick-input-widget input[type="text"]', value],
    );
  }

  choices(): Locator {
    return this.page.locator(".quick-input-widget .quick-input-list .monaco-list-row");
  }

  /** Opens a file by its path in the workspace. */
  async open(file: string): Promise<void> {
    await this.#ask("Control+P", file);
    const name = file.split("/").at(-1) ?? file;
    // Enter would take what is first in the list before what was typed has thinned it out.
    await this.choices().filter({ hasText: name }).first().click();
    await this.page.locator(`.tab.active[data-resource-name="${name}"]`).first().waitFor();
    await this.page.locator(".editor-group-container.active .view-line").first().waitFor();
  }

  /** Puts the cursor at a line (and column) of the editor, both counted from 1. */
  async goTo(line: number, column = 1): Promise<void> {
    await this.#ask("Control+G", `:${line}:${column}`);
    await this.page.keyboard.press("Enter");
    await this.#input().waitFor({ state: "hidden" });
  }

  /** Replaces a line of the file that is open, by typing. */
  async retype(line: number, text: string): Promise<void> {
    await this.goTo(line);
    await this.page.keyboard.press("Home");
    await this.page.keyboard.press("Shift+End");
    await this.page.keyboard.type(text.trim());
  }

  /** The text of the lines that are drawn. */
  async text(): Promise<string> {
    const lines = this.page.locator(".editor-group-container.active .view-lines .view-line");
    const rows = await lines.evaluateAll((found) =>
      found
        .map((line) => ({ top: Number.parseFloat((line as HTMLElement).style.top), text: line.textContent ?? "" }))
        .toSorted((a, b) => a.top - b.top),
    );
    return rows.map(({ text }) => text.replaceAll("\u00a0", " ")).join("\n");
  }

  squiggles(severity: "error" | "warning" | "info" | "hint"): Locator {
    return this.page.locator(`.monaco-editor .squiggly-${severity}`);
  }

  /** Waits until there are squiggles of a severity under exactly these lines, counted from 1. */
  async squigglesUnder(severity: "error" | "warning" | "info" | "hint", lines: readonly number[]): Promise<void> {
    await until(async () => {
      const found = await this.#drawn(`.squiggly-${severity}`);
      return isDeepStrictEqual([...new Set(found.map(({ line }) => line))].toSorted(ascending), lines);
    });
  }

  /** The marks beside the lines that are drawn, by line counted from 1. */
  async marks(): Promise<Readonly<Record<number, string>>> {
    const found = await this.#drawn(".glyph-margin-widgets .cgmr");
    const named = found.map(
      ({ line, image }) => [line, /gutter(?:\/|%2F)(\w+)-(?:dark|light)/.exec(image)?.[1] ?? ""] as const,
    );
    return Object.fromEntries(named.filter(([, name]) => name !== ""));
  }

  async showProblems(): Promise<void> {
    await this.command("Problems: Focus on Problems View");
  }

  problems(text?: string | RegExp): Locator {
    const rows = this.page.locator(".markers-panel .monaco-list-row");
    return text === undefined ? rows : rows.filter({ hasText: text });
  }

  lens(text: string | RegExp): Locator {
    return this.page.locator(".codelens-decoration").locator("a, span").filter({ hasText: text }).first();
  }

  toast(text: string | RegExp): Locator {
    return this.page.locator(".notifications-toasts .notification-list-item").filter({ hasText: text }).first();
  }

  /** Closes a message. */
  async dismiss(message: Locator): Promise<void> {
    await message.hover();
    await message.locator(".codicon-notifications-clear").click();
    await message.waitFor({ state: "detached" });
  }

  statusItem(text: string | RegExp): Locator {
    return this.page.locator(".statusbar-item").filter({ hasText: text }).first();
  }

  /** Opens what lies behind the braces beside the language in the status bar. */
  async showLanguageStatus(): Promise<void> {
    const shown = this.page.locator(".hover-language-status").first();
    if (await shown.isVisible()) return;
    await this.page.locator(".statusbar-item[id='status.languageStatus']").click();
    await shown.waitFor();
  }

  /** Takes what one of the items there offers. */
  async chooseLanguageStatus(item: string, label: string): Promise<void> {
    await this.languageStatus(item).getByRole("button", { name: label, exact: true }).click();
  }

  languageStatus(text: string | RegExp): Locator {
    return this.page.locator(".hover-language-status .element").filter({ hasText: text }).first();
  }

  webview(): FrameLocator {
    return this.page.frameLocator("iframe.webview.ready").first().frameLocator("iframe#active-frame");
  }

  /** What lies on the lines of the active editor: the line, counted from 1, and the picture. */
  #drawn(selector: string): Promise<readonly { readonly line: number; readonly image: string }[]> {
    return this.page.evaluate((wanted) => {
      const editor = document.querySelector(".editor-group-container.active .monaco-editor");
      const rows = [...(editor?.querySelectorAll(".line-numbers") ?? [])].map((element) => ({
        top: element.getBoundingClientRect().top,
        line: Number(element.textContent),
      }));
      return [...(editor?.querySelectorAll(wanted) ?? [])].map((element) => {
        const { top } = element.getBoundingClientRect();
        const near = (row: { top: number }) => Math.abs(row.top - top);
        const line = rows.toSorted((one, other) => near(one) - near(other))[0]?.line ?? 0;
        return { line, image: getComputedStyle(element).backgroundImage };
      });
    }, selector);
  }

  /** Opens an input box with a key and types into it; one that lost the focus to an editor is opened again. */
  async #ask(key: string, text: string): Promise<void> {
    for (let attempt = 0; attempt < 9; attempt += 1) {
      await this.page.keyboard.press(key);
      try {
        await this.#input().fill(text, { timeout: 5000 });
        return;
      } catch {
        await this.page.keyboard.press("Escape");
      }
    }
    await this.#input().fill(text);
  }

  #input(): Locator {
    return this.page.locator(".quick-input-widget .quick-input-box input").first();
  }
}

function ascending(one: number, other: number): number {
  return one - other;
}
