/** Gives up on a server that keeps ending: more often than that would only burn the machine. */
export class Crashes {
  readonly #most: number;
  readonly #milliseconds: number;
  #times: number[] = [];

  constructor(most = 4, milliseconds = 180_000) {
    this.#most = most;
    this.#milliseconds = milliseconds;
  }

  /** Counts one; whether to start the server anew. */
  add(now: number): boolean {
    this.#times = [...this.#times.filter((time) => now - time < this.#milliseconds), now];
    return this.#times.length <= this.#most;
  }

  forget(): void {
    this.#times = [];
  }
}
