/** *Select Language Model*: the editor's, one at an endpoint with a key of one's own, or none. */
import {
  ConfigurationTarget,
  QuickPickItemKind,
  window,
  workspace,
  type LanguageModelChat,
  type QuickPickItem,
} from "vscode";
import { endpointSettings, proposerSetting, SECTION, type Proposer } from "../settings";
import type { Server } from "../server/server";
import type { EditorModels } from "./editorModels";
import { address, OPENAI, problemOf } from "./endpoints";
import type { Keys } from "./secrets";

interface Choice extends QuickPickItem {
  readonly act?: () => Promise<boolean>;
}

/** Asks, stores the choice in the settings of this machine, and has the server know it. */
export async function selectLanguageModel(server: Server, models: EditorModels, keys: Keys): Promise<void> {
  const choices = [...localChoices(), ...(await editorChoices(models)), ...(await endpointChoices(keys))];
  const title = "Which language model writes programs in a search?";
  const chosen = await window.showQuickPick<Choice>(choices, { title, matchOnDescription: true, matchOnDetail: true });
  if (chosen?.act) await withNewEnvironment(server, keys, chosen.act);
}

/** *Set API Key*: stores or deletes the key of an endpoint. */
export async function setApiKey(server: Server, keys: Keys): Promise<void> {
  const { endpoint } = endpointSettings();
  await withNewEnvironment(server, keys, () => askForKey(keys, address(endpoint)));
}

/** Keys travel in the environment of the server, which only a new one reads; a choice that changes nothing of it needs none. */
async function withNewEnvironment(server: Server, keys: Keys, act: () => Promise<boolean>): Promise<void> {
  const before = await keys.environment();
  if (!(await act()) || !server.client) return;
  const changed = JSON.stringify(await keys.environment()) !== JSON.stringify(before);
  if (changed) await server.restart({ asked: false });
}

function localChoices(): Choice[] {
  return [
    {
      label: "None",
      description: now(proposerSetting() === "local"),
      detail: "Programs are repaired on this machine: edits and fitted numbers. Nothing leaves it.",
      act: () => use("local"),
    },
  ];
}

async function editorChoices(models: EditorModels): Promise<Choice[]> {
  const found = await models.all();
  const separator = { label: "From the editor, without a key", kind: QuickPickItemKind.Separator };
  if (!found.length)
    return [
      separator,
      {
        label: "The editor offers no language model",
        detail:
          "Sign in to one (Copilot, for example), or install an extension that provides some. Some editors have none for extensions.",
      },
    ];
  const isNow = (model: LanguageModelChat): boolean => proposerSetting() === "editor" && models.chosen === model.id;
  return [
    separator,
    ...found.map((model) => ({
      label: model.name,
      description: [model.vendor, now(isNow(model))].filter(Boolean).join(", "),
      detail: `Reads ${model.maxInputTokens.toLocaleString("en-US")} tokens at most. The editor may ask for your consent first.`,
      act: async () => {
        await models.choose(model.id);
        return use("editor", model.name);
      },
    })),
  ];
}

async function endpointChoices(keys: Keys): Promise<Choice[]> {
  const { endpoint, model } = endpointSettings();
  const isNow = proposerSetting() === "openai";
  const known =
    endpoint || model
      ? [
          {
            label: model || "A language model without a name",
            description: [address(endpoint), now(isNow)].filter(Boolean).join(", "),
            detail: (await keys.has(endpoint)) ? "Its key is stored." : "No key is stored.",
            act: () => use("openai", model || address(endpoint)),
          },
        ]
      : [];
  return [
    { label: "At an endpoint, with a key of your own", kind: QuickPickItemKind.Separator },
    ...known,
    {
      label: "OpenAI or a compatible endpoint...",
      detail: "Asks for its address, the name of the language model and the key.",
      act: () => configureEndpoint(keys),
    },
  ];
}

async function configureEndpoint(keys: Keys): Promise<boolean> {
  const before = endpointSettings();
  const endpoint = await window.showInputBox({
    title: "Language model (1/3): address",
    value: before.endpoint || OPENAI,
    prompt: "The address without /chat/completions",
    validateInput: problemOf,
    ignoreFocusOut: true,
  });
  if (endpoint === undefined) return false;
  const model = await window.showInputBox({
    title: "Language model (2/3): name",
    value: before.model,
    prompt: `As ${new URL(endpoint).host} calls it`,
    validateInput: (value) => (value.trim() ? undefined : "A name"),
    ignoreFocusOut: true,
  });
  if (model === undefined || !(await askForKey(keys, address(endpoint), "Language model (3/3): key"))) return false;
  const settings = workspace.getConfiguration(SECTION);
  await settings.update("llm.endpoint", address(endpoint), ConfigurationTarget.Global);
  await settings.update("llm.model", model.trim(), ConfigurationTarget.Global);
  return use("openai", model.trim());
}

async function askForKey(keys: Keys, endpoint: string, title = "API key"): Promise<boolean> {
  const has = await keys.has(endpoint);
  const key = await window.showInputBox({
    title,
    prompt: `For ${endpoint}; kept in the editor's secret store. ${has ? "Empty deletes the one that is stored." : "Empty for none."}`,
    password: true,
    ignoreFocusOut: true,
  });
  if (key === undefined) return false;
  await (key.trim() ? keys.set(endpoint, key.trim()) : keys.delete(endpoint));
  return true;
}

async function use(proposer: Proposer, name?: string): Promise<boolean> {
  await workspace.getConfiguration(SECTION).update("synthesis.proposer", proposer, ConfigurationTarget.Global);
  const told = name === undefined ? "Searches ask no language model from now on." : `Searches ask ${name} from now on.`;
  void window.showInformationMessage(told);
  return true;
}

function now(is: boolean): string {
  return is ? "now" : "";
}
