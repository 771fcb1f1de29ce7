// A language model behind an OpenAI-compatible endpoint of this machine, which says what the test has it say.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

export class Endpoint {
  /** Who asked: the authorization, and the name of the language model. */
  readonly asked: string[] = [];
  readonly #reply: () => string;
  readonly #server: Server;

  constructor(reply: () => string) {
    this.#reply = reply;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  /** Where it listens, from now on. */
  async address(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}/v1`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const part of request.setEncoding("utf8")) body += part;
    const { model } = JSON.parse(body) as { readonly model: string };
    this.asked.push(`${request.headers.authorization}: ${model}`);
    const message = { role: "assistant", content: this.#reply() };
    const usage = { prompt_tokens: 10, completion_tokens: 10, total_tokens: 20 };
    const choices = [{ index: 0, message, finish_reason: "stop" }];
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify({ id: "1", object: "chat.completion", created: 0, model, choices, usage }));
  }
}
