/** The language models that the editor gives access to: they answer `cwm/lm/complete`, without a key. */
import {
  LanguageModelChatMessage,
  LanguageModelError,
  lm,
  type CancellationToken,
  type LanguageModelChat,
  type Memento,
} from "vscode";
import { ErrorCodes, ResponseError, type LanguageClient } from "vscode-languageclient/node";
import { COMPLETE, type CompleteParams, type CompleteResult } from "../shared/messages";
import { asOneSpeaker } from "./messages";

const CHOSEN = "editorModel";

export class EditorModels {
  readonly #memory: Memento;

  constructor(memory: Memento) {
    this.#memory = memory;
  }

  /** Those that there are at the moment. */
  all(): Thenable<LanguageModelChat[]> {
    return lm.selectChatModels();
  }

  /** The one that was chosen, by its id. */
  get chosen(): string | undefined {
    return this.#memory.get<string>(CHOSEN);
  }

  choose(id: string | undefined): Thenable<void> {
    return this.#memory.update(CHOSEN, id);
  }

  attach(client: LanguageClient): { dispose(): void } {
    return client.onRequest(COMPLETE, (params: CompleteParams, token: CancellationToken) =>
      this.#complete(params, token),
    );
  }

  async #complete(params: CompleteParams, token: CancellationToken): Promise<CompleteResult> {
    const model = await this.#model(params.llm);
    const messages = asOneSpeaker(params.messages).map(({ role, content }) =>
      role === "assistant" ? LanguageModelChatMessage.Assistant(content) : LanguageModelChatMessage.User(content),
    );
    try {
      const options = { justification: "A search for a world model that you started asks for programs." };
      const response = await model.sendRequest(messages, options, token);
      let text = "";
      for await (const part of response.text) text += part;
      const prompt = messages.map((message) => model.countTokens(message, token));
      const [completionTokens, ...promptTokens] = await Promise.all([model.countTokens(text, token), ...prompt]);
      return { text, completionTokens, promptTokens: promptTokens.reduce((sum, tokens) => sum + tokens, 0) };
    } catch (error) {
      throw new ResponseError(ErrorCodes.InternalError, explained(error, model));
    }
  }

  async #model(named: string | null): Promise<LanguageModelChat> {
    const id = named ?? this.chosen;
    if (id === undefined)
      throw new ResponseError(ErrorCodes.InvalidRequest, "no language model is chosen: run CWM: Select Language Model");
    const [model] = await lm.selectChatModels({ id });
    if (!model)
      throw new ResponseError(
        ErrorCodes.InvalidRequest,
        `the editor has no language model ${id} any more: run CWM: Select Language Model`,
      );
    return model;
  }
}

function explained(error: unknown, model: LanguageModelChat): string {
  if (error instanceof LanguageModelError) {
    if (error.code === LanguageModelError.NoPermissions.name) return `the use of ${model.name} was not allowed`;
    if (error.code === LanguageModelError.NotFound.name) return `${model.name} is not there any more`;
    if (error.code === LanguageModelError.Blocked.name) return `${model.name} refused: ${error.message}`;
  }
  return error instanceof Error ? error.message : String(error);
}
