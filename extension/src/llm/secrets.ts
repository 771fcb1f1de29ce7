/** Keys of language models: in the editor's secret store, and in the server's environment; nowhere else. */
import type { SecretStorage } from "vscode";
import { endpointSettings } from "../settings";
import { address } from "./endpoints";

export class Keys {
  readonly #store: SecretStorage;

  constructor(store: SecretStorage) {
    this.#store = store;
  }

  /** Whether there is a key for an endpoint. */
  async has(endpoint: string): Promise<boolean> {
    return (await this.#store.get(nameOf(endpoint))) !== undefined;
  }

  set(endpoint: string, key: string): Thenable<void> {
    return this.#store.store(nameOf(endpoint), key);
  }

  delete(endpoint: string): Thenable<void> {
    return this.#store.delete(nameOf(endpoint));
  }

  /** What the server's environment says about the endpoint that is configured; nothing where none is. */
  async environment(): Promise<Readonly<Record<string, string>>> {
    const { endpoint, model } = endpointSettings();
    if (!endpoint && !model) return {};
    const key = await this.#store.get(nameOf(endpoint));
    return {
      ...(endpoint ? { OPENAI_BASE_URL: endpoint } : {}),
      ...(model ? { CWM_MODEL: model } : {}),
      ...(key ? { OPENAI_API_KEY: key } : {}),
    };
  }
}

/** A key belongs to one address and is never sent to another. */
function nameOf(endpoint: string): string {
  return `key of ${address(endpoint)}`;
}
