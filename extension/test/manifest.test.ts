import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

interface Manifest {
  readonly contributes: {
    readonly commands: readonly { readonly command: string; readonly title: string; readonly category: string }[];
    readonly menus: { readonly commandPalette?: readonly { readonly command: string; readonly when?: string }[] };
    readonly configuration: { readonly properties: Readonly<Record<string, { readonly scope: string }>> };
  };
  readonly capabilities: { readonly untrustedWorkspaces: { readonly restrictedConfigurations: readonly string[] } };
}

const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;
const readme = readFileSync("extension/README.md", "utf8");
const { commands, menus, configuration } = manifest.contributes;

test("every command that is offered is described in the README", () => {
  const hidden = new Set(menus.commandPalette?.filter(({ when }) => when).map(({ command }) => command));
  const missing = commands
    .filter(({ command }) => !hidden.has(command))
    .map(({ category, title }) => `${category}: ${title}`)
    .filter((name) => !readme.includes(`| ${name} `));
  assert.deepEqual(missing, []);
});

test("every setting is described in the README", () => {
  const missing = Object.keys(configuration.properties).filter(
    (name) => !readme.includes(`\`${name}\``) && !readme.includes(`\`.${name.split(".").at(-1)}\``),
  );
  assert.deepEqual(missing, []);
});

test("a folder cannot choose the interpreter, the language model or the budget", () => {
  const names = Object.keys(configuration.properties).filter((name) =>
    /interpreter|llm|synthesis|Isolation/.test(name),
  );
  const others = names.filter((name) => configuration.properties[name]?.scope !== "machine");
  assert.deepEqual(others, []);
});

test("what is restricted in an untrusted folder is a setting", () => {
  for (const name of manifest.capabilities.untrustedWorkspaces.restrictedConfigurations)
    assert.ok(configuration.properties[name], name);
});
