/** Where each rule is: its tuple's number and its key's newest version, by the rule's id. Eight bytes a rule. */
const PAGE_BITS = 12;
const PAGE_RULES = 1 << PAGE_BITS;

export class RuleIndex {
  size = 0;
  private readonly pages = new Map<number, Int32Array>();

  /** Offset of the version of the key that holds the rule, 0 where there is none of that id. */
  version(id: number): number {
    const page = this.pages.get(id >>> PAGE_BITS);
    return page === undefined ? 0 : page[(id & (PAGE_RULES - 1)) * 2];
  }

  /** Number of its tuple. Only for a rule that is there. */
  tuple(id: number): number {
    const page = this.pages.get(id >>> PAGE_BITS);
    return page === undefined ? 0 : page[(id & (PAGE_RULES - 1)) * 2 + 1];
  }

  set(id: number, tuple: number, version: number): void {
    let page = this.pages.get(id >>> PAGE_BITS);
    if (page === undefined) {
      page = new Int32Array(PAGE_RULES * 2);
      this.pages.set(id >>> PAGE_BITS, page);
    }
    const i = (id & (PAGE_RULES - 1)) * 2;
    if (page[i] === 0) this.size++;
    page[i] = version;
    page[i + 1] = tuple;
  }

  delete(id: number): void {
    const page = this.pages.get(id >>> PAGE_BITS);
    if (page === undefined || page[(id & (PAGE_RULES - 1)) * 2] === 0) return;
    page[(id & (PAGE_RULES - 1)) * 2] = 0;
    this.size--;
  }
}
