/** Building elements without ever writing HTML: what programs and language models wrote stays text. */

import { visible } from "./words";

export type Child = Node | string | null | undefined | false;

type Attributes = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** A new element; attributes that are null, undefined or false are left out. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false)
      made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...present(children));
  return made;
}

/** A button; its name says what it does where its label does not. */
export function button(label: string, name: string, run: () => void): HTMLButtonElement {
  const made = element("button", { type: "button", title: name, "aria-label": name }, label);
  made.addEventListener("click", run);
  return made;
}

/** Puts other children into an element. */
export function fill(parent: Element, ...children: readonly Child[]): void {
  parent.replaceChildren(...present(children));
}

/** A sentence for a reader; what stands between backticks is code. */
export function prose(sentence: string): readonly Child[] {
  return visible(sentence)
    .split("`")
    .map((part, index, parts) => (index % 2 === 1 && index < parts.length - 1 ? element("code", {}, part) : part));
}

function present(children: readonly Child[]): (Node | string)[] {
  return children.filter((child): child is Node | string => child !== null && child !== undefined && child !== false);
}
