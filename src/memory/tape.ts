/** Entries of a tape: more than any frame counts on a plain way through a few hooks. */
const ENTRIES = 64;

/**
 * What has been added to a table of counters since `begin`, to be added again for other packets to which the very same
 * happens. Exact while no sum exceeds 2^53.
 */
export class Tape {
  private readonly rows = new Int32Array(ENTRIES);
  private readonly columns = new Int32Array(ENTRIES);
  private readonly amounts = new Float64Array(ENTRIES);
  private used = 0;
  /** Whether additions are to be noted. */
  isOn = false;

  begin(): void {
    this.used = 0;
    this.isOn = true;
  }

  /** Nothing more is noted; false where there was more than the tape holds. */
  end(): boolean {
    this.isOn = false;
    return this.used <= ENTRIES;
  }

  note(row: number, column: number, by: number): void {
    const n = this.used++;
    if (n >= ENTRIES) return;
    this.rows[n] = row;
    this.columns[n] = column;
    this.amounts[n] = by;
  }

  get length(): number {
    return this.used;
  }

  row(n: number): number {
    return this.rows[n];
  }

  column(n: number): number {
    return this.columns[n];
  }

  amount(n: number): number {
    return this.amounts[n];
  }
}
