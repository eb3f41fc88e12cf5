import { setImmediate } from 'node:timers/promises';
import type { CaptureFilter } from '../../dataplane/capture-taps.js';
import type { CaptureRecord, CaptureRing } from '../../memory/capture-ring.js';
import {
  type PcapngInterface,
  pcapngInterface,
  pcapngPacket,
  pcapngSection,
} from '../../observe/captures/pcapng-writer.js';
import type { Say } from '../protocol.js';
import { describe } from './describe.js';
import type { CaptureRequest } from './words.js';

/** Milliseconds between two looks at rings that were empty. */
const STEP = 20;
/** Bytes that are sent together, at most one packet more. */
const CHUNK = 262_144;

/** What a session asks of the daemon. */
export interface CaptureHost {
  /** Names by device index. */
  nameOf(device: number): string;
  placeOf(rule: number, time: number): Parameters<typeof describe>[2];
  reasonAt(number: number): Parameters<typeof describe>[3];
  /** The number of the rule that is asked for; -1: there is none now. */
  ruleOf(request: CaptureRequest): number;
  /** Has the workers see what all sessions want now. */
  apply(): Promise<void>;
  /** It is over. */
  ended(session: CaptureSession): void;
  /** No worker writes to its rings any more, and nobody will read them. */
  released(session: CaptureSession): void;
}

/** One client's capture: from the moment it is begun until its client, a count or a time ends it. */
export class CaptureSession {
  readonly rings: readonly CaptureRing[];
  private readonly request: CaptureRequest;
  private readonly host: CaptureHost;
  private current: CaptureFilter;
  private readonly interfaces = new Map<string, number>();
  private captured = 0;
  private hasLeft = false;

  /** `rings`: one for each worker. */
  constructor(request: CaptureRequest, filter: CaptureFilter, rings: readonly CaptureRing[], host: CaptureHost) {
    this.request = request;
    this.current = filter;
    this.host = host;
    this.rings = rings;
  }

  get filter(): CaptureFilter {
    return this.current;
  }

  /** Sends what is captured until `until` resolves, or it has an end of its own; rejects where the client is gone. */
  async run(say: Say, until: Promise<void>): Promise<void> {
    const { seconds, count = Number.POSITIVE_INFINITY, isText } = this.request;
    let isOver = false;
    let wake = (): void => undefined;
    const end = (): void => {
      isOver = true;
      wake();
    };
    until.then(end, end);
    const deadline = seconds === undefined ? undefined : setTimeout(end, seconds * 1000);
    try {
      await this.host.apply();
      // From now on nothing is missed.
      if (!isText) await this.sayBytes(say, [this.section()]);
      await say({ err: 'vtep: capturing; Ctrl-C ends it\n' });
      while (!isOver && this.captured < count) {
        if (await this.send(say, count)) await setImmediate();
        else {
          await this.followRule();
          await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, STEP);
            wake = () => {
              clearTimeout(timer);
              resolve();
            };
            if (isOver) wake();
          });
        }
      }
      await this.leave();
      // What was captured before it ended belongs to it.
      while (this.captured < count && (await this.send(say, count)));
      const lost = this.rings.reduce((sum, ring) => sum + ring.lost, 0);
      await say({ err: `vtep: ${this.captured} captured, ${lost} lost\n` });
    } finally {
      clearTimeout(deadline);
      await this.leave();
      this.host.released(this);
    }
  }

  /** Resolves when no worker writes to the rings any more. */
  private async leave(): Promise<void> {
    if (this.hasLeft) return;
    this.hasLeft = true;
    this.host.ended(this);
    await this.host.apply();
  }

  /** Sends what there is, a chunk at most; whether there may be more. */
  private async send(say: Say, most: number): Promise<boolean> {
    const records: CaptureRecord[] = [];
    let bytes = 0;
    for (const ring of this.rings) {
      let record = bytes < CHUNK ? ring.read() : undefined;
      for (; record; record = bytes < CHUNK ? ring.read() : undefined) {
        records.push(record);
        bytes += record.bytes.length + 256;
      }
    }
    if (records.length === 0) return false;
    // Of several workers: each is in order.
    if (this.rings.length > 1) records.sort((a, b) => a.time - b.time);
    const wanted = records.slice(0, most - this.captured);
    this.captured += wanted.length;
    if (this.request.isText) await say({ out: wanted.map((record) => `${this.described(record).line}\n`).join('') });
    else
      await this.sayBytes(
        say,
        wanted.flatMap((record) => this.blocks(record)),
      );
    return true;
  }

  private blocks(record: CaptureRecord): Uint8Array[] {
    const { on, packet } = this.described(record);
    const known = this.interfaces.get(keyOf(on));
    if (known !== undefined) return [pcapngPacket(known, packet)];
    const number = this.interfaces.size;
    this.interfaces.set(keyOf(on), number);
    return [pcapngInterface(on, this.request.snapLength), pcapngPacket(number, packet)];
  }

  private described(record: CaptureRecord): ReturnType<typeof describe> {
    const { device, rule, time, reason } = record;
    return describe(record, this.host.nameOf(device), this.host.placeOf(rule, time), this.host.reasonAt(reason));
  }

  private section(): Uint8Array {
    return pcapngSection('vtep');
  }

  private sayBytes(say: Say, blocks: readonly Uint8Array[]): Promise<void> | undefined {
    return say({ data: Buffer.concat(blocks).toString('base64') });
  }

  /** A rule that was replaced is another to the workers. */
  private async followRule(): Promise<void> {
    if (!this.request.rule) return;
    const rule = this.host.ruleOf(this.request);
    // Where it is gone there may be another in its place soon: none is captured meanwhile.
    if (rule < 0 || rule === this.current.rule) return;
    this.current = { ...this.current, rule };
    await this.host.apply();
  }
}

function keyOf({ name, linkType }: PcapngInterface): string {
  return `${name} ${linkType}`;
}
