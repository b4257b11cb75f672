/** Runs the work of one lane in order, and that of different lanes side by side. */
export class Lanes {
  private readonly last = new Map<string, Promise<void>>();

  /** Begins at once where the lane is free. */
  run(lane: string, work: () => Promise<void>): Promise<void> {
    const before = this.last.get(lane);
    const run = before === undefined ? work() : before.then(work);
    this.last.set(lane, run);
    const free = (): void => {
      if (this.last.get(lane) === run) this.last.delete(lane);
    };
    run.then(free, free);
    return run;
  }

  /** Resolves when all work that was given until now is done. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.last.values());
  }
}
