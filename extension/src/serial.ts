/** Runs one job at a time. A job that waits is not queued again under the same name: ten restarts become two. */
export class Serial {
  readonly #waiting = new Map<string, Promise<void>>();
  #last: Promise<void> = Promise.resolve();

  /** Runs the job after those before it; callers that come while one of its name waits share that one's outcome. */
  run(name: string, job: () => Promise<void>): Promise<void> {
    const waiting = this.#waiting.get(name);
    if (waiting) return waiting;
    const done = this.#last.then(() => {
      this.#waiting.delete(name);
      return job();
    });
    this.#waiting.set(name, done);
    this.#last = done.catch(() => {});
    return done;
  }
}
