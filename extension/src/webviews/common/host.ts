/** The connection of a webview to the extension. */

interface Api {
  postMessage(message: unknown): void;
}

declare function acquireVsCodeApi(): Api;

export class Host<To, From> {
  readonly #api = acquireVsCodeApi();

  /** @param onMessage Told of everything the extension says. Other windows cannot post to a webview's frame. */
  constructor(onMessage: (message: To) => void) {
    window.addEventListener("message", (event: MessageEvent<To>) => onMessage(event.data));
  }

  post(message: From): void {
    this.#api.postMessage(message);
  }
}
