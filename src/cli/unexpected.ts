/** Errors on the control thread that nobody expected: the daemon says so and ends as it would otherwise, but with 1. */

export class Unexpected {
  /** Whether there was one. */
  hasHappened = false;
  private readonly say: (text: string) => void;
  private readonly end: () => void;

  constructor(say: (text: string) => void, end: () => void) {
    this.say = say;
    this.end = end;
  }

  /** From now on. What is thrown while it ends is said as well, and changes nothing more. */
  watch(): void {
    // Rejections that nobody handles come here, too.
    process.on('uncaughtException', (error: unknown) => this.take(error));
  }

  private take(error: unknown): void {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.say(`vtep: an error that nobody expected${this.hasHappened ? '' : ', it ends'}: ${stack}\n`);
    this.hasHappened = true;
    process.exitCode = 1;
    this.end();
  }
}
