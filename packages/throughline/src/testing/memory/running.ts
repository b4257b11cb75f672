/** One consumer's loop, as far as others need to know it. */
export interface Loop {
  /** Nothing is being handled and nothing was left to fetch when it last looked. */
  readonly idle: boolean;
  /** What it is doing, for people. */
  readonly doing: string;
  /** Looks again for something to fetch. */
  wake(): void;
}

/** The loops of all running consumers: who waits for them, and which of them gave up. */
export class Running {
  private readonly loops = new Set<Loop>();
  private readonly given: Error[] = [];
  private waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];

  add(loop: Loop): void {
    this.loops.add(loop);
  }

  remove(loop: Loop): void {
    this.loops.delete(loop);
    this.wake();
    this.look();
  }

  /** A consumer has crashed: told to whoever waits now, or asks next. */
  crashed(error: Error): void {
    this.given.push(error);
  }

  /** There may be something to fetch. */
  wake(): void {
    for (const loop of this.loops) loop.wake();
  }

  /** Called when a loop has become idle. */
  look(): void {
    if ([...this.loops].some((loop) => !loop.idle)) return;
    const crash = this.given[0];
    if (this.waiting.length > 0) this.given.length = 0;
    for (const { resolve, reject } of this.waiting) {
      if (crash === undefined) resolve();
      else reject(crash);
    }
    this.waiting = [];
  }

  /** Resolves once all loops are idle; rejects with the error of one that has crashed meanwhile. */
  async drained(timeoutMs: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const drained = new Promise<void>((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      timer = setTimeout(() => {
        const busy = [...this.loops].filter((loop) => !loop.idle).map((loop) => loop.doing);
        reject(
          new Error(`The memory broker is not drained after ${timeoutMs} ms: ${busy.join("; ")}`),
        );
      }, timeoutMs);
    });
    this.look();
    await drained.finally(() => clearTimeout(timer));
  }
}
