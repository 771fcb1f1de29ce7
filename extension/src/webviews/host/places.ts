/** A place in the trajectories of a file. */
export interface Place {
  /** The model that is meant; null where it is not said. */
  readonly model: string | null;
  readonly episode: number;
  /** Null for the first failing step. */
  readonly step: number | null;
}
