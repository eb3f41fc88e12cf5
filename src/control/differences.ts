interface Place {
  readonly before: string | undefined;
  readonly now: () => string | undefined;
}

/** What edits change, told by the lines that make what stands in a place: before the first of them, and now. */
export class Differences {
  private readonly places = new Map<string, Place>();

  /** What stands in a place, as `now` says it, is about to change; `isNew`: nothing stood there before. */
  readonly changing = (key: string, now: () => string | undefined, isNew = false): void => {
    if (!this.places.has(key)) this.places.set(key, { before: isNew ? undefined : now(), now });
  };

  /** What has gone, then what has come; what was replaced stands as both, where it stands now. */
  *lines(): Generator<string> {
    const changes = [...this.places.values()].map(({ before, now }) => ({ before, after: now() }));
    for (const { before, after } of changes) if (before !== undefined && after === undefined) yield `-${before}`;
    for (const { before, after } of changes) {
      if (after === undefined || before === after) continue;
      if (before !== undefined) yield `-${before}`;
      yield `+${after}`;
    }
  }
}
