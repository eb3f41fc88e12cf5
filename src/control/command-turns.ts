/**
 * When commands look at the daemon's state, and when they change it. Changes are one at a time, looks go beside each
 * other, and both begin in the order in which they were asked for. Commands run programs of the host, which may
 * take half a minute or hang; nobody who only looks is to wait for these. So a command steps aside while it waits for the
 * host: a look then holds nothing at all, a change still keeps other changes out, and looks overtake those that wait
 * behind it. Before the first of them the change puts what there is to see in order (`open`), and it goes on when the
 * last has ended.
 */

/** Has what others see be whole; what it gives back, if anything, is called, and awaited, before the change goes on. */
export type Open = () => Promise<(() => void | Promise<void>) | undefined>;

interface Waiting {
  readonly isLook: boolean;
  readonly begin: () => void;
}

export class CommandTurns {
  private readonly waiting: Waiting[] = [];
  private looks = 0;
  private change: 'none' | 'on' | 'aside' = 'none';
  /** Of a change that has stepped aside: whether looks may begin. */
  private isOpen = false;
  /** Has what is to be seen put in order, for the first look. */
  private openFor: (() => void) | undefined;
  /** The change that has stepped aside would go on. */
  private goOn: (() => void) | undefined;

  /** Runs `work` while there is no change; other looks go on. */
  async look<T>(work: () => Promise<T>): Promise<T> {
    await this.enter(true);
    try {
      return await work();
    } finally {
      this.looks--;
      this.pump();
    }
  }

  /** Runs `work` while there is nothing else. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    await this.enter(false);
    try {
      return await work();
    } finally {
      this.change = 'none';
      this.pump();
    }
  }

  /** Within a look: runs `work` while everything goes on, changes too. */
  async lookAside<T>(work: () => Promise<T>): Promise<T> {
    this.looks--;
    this.pump();
    try {
      return await work();
    } finally {
      // It has waited already.
      await this.enter(true, true);
    }
  }

  /** Within a change: runs `work` while looks go on. Rejects with what `open`, or what it gave back, throws. */
  async changeAside<T>(work: () => Promise<T>, open: Open): Promise<T> {
    let opening: ReturnType<Open> | undefined;
    this.openFor = () => {
      this.openFor = undefined;
      opening = open();
      opening.then(
        () => {
          this.isOpen = true;
          this.pump();
        },
        () => undefined, // whoever looks waits until the change is over
      );
    };
    this.change = 'aside';
    this.pump();
    try {
      return await work();
    } finally {
      this.openFor = undefined;
      try {
        const close = await opening;
        await new Promise<void>((resolve) => {
          this.goOn = resolve;
          this.pump();
        });
        await close?.();
      } finally {
        this.isOpen = false;
        this.change = 'on';
      }
    }
  }

  private enter(isLook: boolean, isFirst = false): Promise<void> {
    return new Promise((begin) => {
      if (isFirst) this.waiting.unshift({ isLook, begin });
      else this.waiting.push({ isLook, begin });
      this.pump();
    });
  }

  /** Lets begin who may. */
  private pump(): void {
    if (this.change === 'aside') this.pumpAside();
    while (this.change === 'none') {
      const [next] = this.waiting;
      if (!next || (!next.isLook && this.looks > 0)) return;
      this.waiting.shift();
      if (next.isLook) this.looks++;
      else this.change = 'on';
      next.begin();
    }
  }

  private pumpAside(): void {
    const { goOn } = this;
    if (goOn) {
      // Whoever comes now waits for the change to end, or to step aside again.
      if (this.looks > 0) return;
      this.goOn = undefined;
      this.change = 'on';
      goOn();
      return;
    }
    for (let at = this.waiting.findIndex(({ isLook }) => isLook); at >= 0; ) {
      if (!this.isOpen) {
        this.openFor?.();
        return;
      }
      const [next] = this.waiting.splice(at, 1);
      this.looks++;
      next?.begin();
      at = this.waiting.findIndex(({ isLook }) => isLook);
    }
  }
}
