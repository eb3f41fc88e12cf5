import test from 'ava';
import fc from 'fast-check';
import { Checksummer, finish } from './checksum.js';
import { simdChecksums, type WasmMemory } from './simd-checksums.js';
import { PLAN_BYTES, TRAIN_IPV4, TRAIN_MERGES, TRAIN_TCP, Trains } from './trains.js';

const { Memory } = (
  globalThis as unknown as {
    WebAssembly: { Memory: new (pages: { initial: number; maximum: number; shared: true }) => WasmMemory };
  }
).WebAssembly;

const PLAN = 64;
const JOINS = PLAN + PLAN_BYTES + 64;
const AT = 4096;
const VXLAN = 8;

interface Layout {
  readonly ipv4: boolean;
  readonly tcp: boolean;
  readonly tags: number;
  readonly options: number;
  readonly payload: number;
  readonly dontFragment: boolean;
}

/** What one datagram has else than the layout says: a byte from its start, exclusive-ored. */
interface Damage {
  readonly datagram: number;
  readonly byte: number;
  readonly bits: number;
  /** Its checksums are right all the same. */
  readonly mended: boolean;
}

function offsets({ ipv4, tcp, tags, options, payload }: Layout) {
  const l3 = VXLAN + 14 + tags * 4;
  const l4 = l3 + (ipv4 ? 20 : 40);
  const body = l4 + (tcp ? 20 + options * 4 : 8);
  return { l3, l4, body, length: body + payload };
}

class Bench {
  readonly checksums: Checksummer;
  readonly trains: Trains;
  readonly bytes: Uint8Array;

  constructor(simd: boolean) {
    const memory = new Memory({ initial: 2, maximum: 2, shared: true });
    const module = simd ? simdChecksums(memory) : null;
    if (simd && module === null) throw new Error('this machine does not run the module');
    this.checksums = new Checksummer(memory.buffer, module);
    this.bytes = this.checksums.u8;
    this.trains = new Trains(this.checksums, module, PLAN);
  }

  private put(at: number, value: number): void {
    this.bytes[at] = value >> 8;
    this.bytes[at + 1] = value;
  }

  private seal(layout: Layout, at: number): void {
    const { l3, l4, length } = offsets(layout);
    const field = at + l4 + (layout.tcp ? 16 : 6);
    if (layout.ipv4) {
      this.put(at + l3 + 10, 0);
      this.put(at + l3 + 10, finish(this.checksums.sum(at + l3, 20, 0)));
    }
    this.put(field, 0);
    this.put(field, finish(this.checksums.sum(at + l4, length - l4, this.pseudo(layout, at))));
  }

  pseudo(layout: Layout, at: number): number {
    const { l3, l4, length } = offsets(layout);
    return layout.ipv4
      ? this.checksums.pseudoHeader4(at + l3, layout.tcp ? 6 : 17, length - l4)
      : this.checksums.pseudoHeader6(at + l3, layout.tcp ? 6 : 17, length - l4);
  }

  /** `count` datagrams side by side, as a sender's segmentation makes them; then something is damaged. */
  fill(layout: Layout, count: number, damages: readonly Damage[]): void {
    const { l3, l4, body, length } = offsets(layout);
    this.bytes.fill(0xa5, AT);
    for (let n = 0; n < count; n++) {
      const at = AT + n * length;
      for (let i = 0; i < length; i++) this.bytes[at + i] = Math.imul(i < body ? i + 1 : i * 7 + n, 0x9e3779b1) >>> 24;
      if (layout.ipv4) {
        this.put(at + l3 + 4, 0xfffe + n);
        this.put(at + l3 + 6, layout.dontFragment ? 0x4000 : 0);
      }
      if (layout.tcp) {
        const sequence = 0xfffff000 + n * layout.payload;
        this.put(at + l4 + 4, (sequence >>> 16) & 0xffff);
        this.put(at + l4 + 6, sequence & 0xffff);
      }
      this.seal(layout, at);
    }
    for (const { datagram, byte, bits, mended } of damages) {
      if (datagram >= count) continue;
      const at = AT + datagram * length;
      this.bytes[at + (byte % length)] = (this.bytes[at + (byte % length)] ?? 0) ^ bits;
      if (mended) this.seal(layout, at);
    }
  }

  /** The followers of the first datagram, and which of them join. */
  follow(layout: Layout, count: number, merges = TRAIN_MERGES): number[] {
    const { l3, l4, body, length } = offsets(layout);
    const kind = (layout.ipv4 ? TRAIN_IPV4 : 0) | (layout.tcp ? TRAIN_TCP : 0) | merges;
    this.trains.use(kind, l3, l4, body, length, 0xffff & ~finish(this.pseudo(layout, AT)));
    const followers = this.trains.followers(AT, AT + length, length, count - 1, JOINS);
    return Array.from(new Int32Array(this.bytes.buffer, JOINS, followers));
  }
}

const layouts = fc.record<Layout>({
  ipv4: fc.boolean(),
  tcp: fc.boolean(),
  tags: fc.integer({ min: 0, max: 2 }),
  options: fc.constantFrom(0, 3, 10),
  payload: fc.constantFrom(0, 1, 18, 64, 601),
  dontFragment: fc.boolean(),
});
const damages = fc.array(
  fc.record<Damage>({
    datagram: fc.integer({ min: 0, max: 7 }),
    byte: fc.integer({ min: 0, max: 140 }),
    bits: fc.constantFrom(1, 0x10, 0x40, 0xff),
    mended: fc.boolean(),
  }),
  { maxLength: 3 },
);

const [inJavaScript, inWebAssembly] = [new Bench(false), new Bench(true)] as const;

test('WebAssembly finds the followers that JavaScript finds, whatever the headers', (t) => {
  let joined = 0;
  let alone = 0;
  let cut = 0;
  fc.assert(
    fc.property(layouts, fc.integer({ min: 1, max: 8 }), damages, fc.boolean(), (layout, count, list, merges) => {
      const found = [inJavaScript, inWebAssembly].map((bench) => {
        bench.fill(layout, count, list);
        return bench.follow(layout, count, merges ? TRAIN_MERGES : 0);
      });
      t.deepEqual(found[1], found[0]);
      for (const joins of found[0] ?? []) {
        if (joins === 1) joined++;
        else alone++;
      }
      if ((found[0]?.length ?? 0) < count - 1) cut++;
      return true;
    }),
    { seed: 4789, numRuns: 3000 },
  );
  t.true(joined > 1000 && alone > 500 && cut > 500, `${joined} joined, ${alone} did not, ${cut} trains were cut`);
});

const TCP4: Layout = { ipv4: true, tcp: true, tags: 0, options: 3, payload: 601, dontFragment: true };

for (const [name, bench] of [
  ['JavaScript', inJavaScript],
  ['WebAssembly', inWebAssembly],
] as const) {
  test(`whole trains join, through the end of the sequence numbers and of the IDs, in ${name}`, (t) => {
    for (const ipv4 of [true, false]) {
      for (const tcp of [true, false]) {
        for (const dontFragment of [true, false]) {
          const layout = { ...TCP4, ipv4, tcp, dontFragment };
          bench.fill(layout, 8, []);
          t.deepEqual(bench.follow(layout, 8), [1, 1, 1, 1, 1, 1, 1]);
          t.deepEqual(bench.follow(layout, 8, 0), [0, 0, 0, 0, 0, 0, 0]);
        }
      }
    }
  });

  test(`a damaged byte of the payload keeps a datagram and the one behind it from joining, in ${name}`, (t) => {
    for (const byte of [offsets(TCP4).body, offsets(TCP4).length - 1]) {
      bench.fill(TCP4, 6, [{ datagram: 3, byte, bits: 0x80, mended: false }]);
      t.deepEqual(bench.follow(TCP4, 6), [1, 1, 0, 0, 1]);
    }
    bench.fill(TCP4, 6, [{ datagram: 0, byte: offsets(TCP4).body, bits: 1, mended: false }]);
    t.deepEqual(bench.follow(TCP4, 6), [0, 1, 1, 1, 1]);
  });

  test(`every byte that something is decided by ends a train, no other does, in ${name}`, (t) => {
    for (const tcp of [true, false]) {
      const layout = { ...TCP4, tcp };
      const { l3, l4, length } = offsets(layout);
      const free = new Set([l3 + 4, l3 + 5, l3 + 10, l3 + 11]);
      const ownToEach = tcp ? [4, 5, 6, 7, 8, 9, 10, 11, 14, 15, 16, 17, 18, 19] : [6, 7];
      for (const byte of ownToEach) free.add(l4 + byte);
      const end = l4 + (tcp ? 20 : 8);
      for (let byte = 0; byte < length; byte++) {
        bench.fill(layout, 3, [{ datagram: 1, byte, bits: 0x04, mended: false }]);
        t.is(bench.follow(layout, 3).length, free.has(byte) || byte >= end ? 2 : 0, `byte ${byte}`);
      }
    }
  });

  test(`a checksum that may be unfinished ends a train, in ${name}`, (t) => {
    bench.fill(TCP4, 4, []);
    const { l4, length } = offsets(TCP4);
    const sum = 0xffff & ~finish(bench.pseudo(TCP4, AT));
    const field = AT + 2 * length + l4 + 16;
    bench.bytes[field] = sum >> 8;
    bench.bytes[field + 1] = sum;
    t.deepEqual(bench.follow(TCP4, 4), [1]);
  });
}
