/** Reads the cases of receive/, whose format receive/README.md describes. */
import { readdirSync, readFileSync } from 'node:fs';
import type { ReasonName } from '../../src/memory/reasons.js';

const FOLDER = new URL('../../../test/golden/receive/', import.meta.url);

export type Device = 'external' | 'classic' | 'tolerant';

/** A frame that comes out; of one that was merged the virtio-net header says how to cut it. */
export interface ReceivedFrame {
  readonly bytes: Uint8Array;
  readonly gso?: { readonly kind: 'tcpv4' | 'tcpv6' | 'udp'; readonly size: number };
}

export interface ReceiveCase {
  readonly file: string;
  readonly title: string;
  /** Of robustness: 1 to 30; undefined of the `also-` files. */
  readonly number?: number;
  readonly on: Device;
  readonly outer: { readonly ecn: number; readonly from?: string };
  /** `frames`: those of `frames`; `passed`: what came in; `stack`: that, to the stack of a vxlan device. */
  readonly expect: 'passed' | 'dropped' | 'stack' | 'frames';
  /** Of what is dropped. */
  readonly reason?: ReasonName;
  /** Counted although the frame passes. */
  readonly counts: readonly ReasonName[];
  /** Filters, protocol first, that every frame matches, and that none does. */
  readonly keys: readonly string[];
  readonly noKeys: readonly string[];
  /** Source addresses that a classic device has learned then; undefined: nobody asks. */
  readonly learns?: readonly string[];
  /** Why the kernel's device is not asked. */
  readonly kernelNotAsked?: string;
  /** Why nothing is to be seen behind a socket. */
  readonly seenNothing?: string;
  readonly datagrams: readonly Uint8Array[];
  readonly frames: readonly ReceivedFrame[];
}

type Draft = {
  -readonly [K in keyof ReceiveCase]: ReceiveCase[K] extends readonly (infer T)[] ? T[] : ReceiveCase[K];
};

/** Bytes of hex digits; `5a*100` is 100 times a byte. */
function bytesOf(text: string): number[] {
  return text.split(/\s+/).flatMap((group) => {
    const [, byte, times] = /^([0-9a-f]{2})\*(\d+)$/.exec(group) ?? [];
    if (byte !== undefined) return new Array<number>(Number(times)).fill(Number.parseInt(byte, 16));
    if (!/^([0-9a-f]{2})*$/.test(group)) throw new Error(`"${group}" is no hex`);
    return [...Buffer.from(group, 'hex')];
  });
}

/** Throws an Error that names the file and the line. */
function parse(file: string, text: string): ReceiveCase[] {
  const cases: Draft[] = [];
  const number = /^(\d+)-/.exec(file)?.[1];
  /** Blocks of the present case; their bytes go to datagrams and frames at its end. */
  let blocks: { what: string; bytes: number[] }[] = [];
  const finish = (): void => {
    const present = cases.at(-1);
    for (const { what, bytes } of blocks) {
      const [kind, type, size] = what.split(' ');
      const gso = type === undefined ? {} : { gso: { kind: type as 'tcpv4' | 'tcpv6' | 'udp', size: Number(size) } };
      if (kind === 'datagram') present?.datagrams.push(Uint8Array.from(bytes));
      else present?.frames.push({ bytes: Uint8Array.from(bytes), ...gso });
    }
    blocks = [];
  };
  text.split('\n').forEach((whole, n) => {
    const line = whole.replace(/(^|\s)#.*/, '').trim();
    if (line === '') {
      // A line of nothing but a comment may stand for no bytes.
      return;
    }
    const [word = '', ...rest] = line.split(' ');
    const words = rest.join(' ');
    const present = cases.at(-1);
    if (word === 'case') {
      finish();
      cases.push({
        ...{ file, title: words, ...(number !== undefined && { number: Number(number) }) },
        ...{ on: 'external', outer: { ecn: 0 }, expect: 'passed', counts: [], keys: [], noKeys: [] },
        ...{ datagrams: [], frames: [] },
      });
    } else if (present === undefined) throw new Error(`${file}:${n + 1}: no case has begun`);
    else if (word === 'datagram' || word === 'frame') blocks.push({ what: line, bytes: [] });
    else if (!read(present, word, words)) {
      const block = blocks.at(-1);
      if (block === undefined) throw new Error(`${file}:${n + 1}: what is "${word}"?`);
      block.bytes.push(...bytesOf(line));
    }
  });
  finish();
  return cases as ReceiveCase[];
}

/** Takes a line of a case's head; false where it is none. */
function read(draft: Draft, word: string, words: string): boolean {
  const [first = '', second = ''] = words.split(' ');
  if (word === 'on') draft.on = first as Device;
  else if (word === 'outer' && first === 'ecn') draft.outer = { ...draft.outer, ecn: Number(second) };
  else if (word === 'outer') draft.outer = { ...draft.outer, from: second };
  else if (word === 'expect') {
    draft.expect = first as ReceiveCase['expect'];
    if (first === 'dropped') draft.reason = second as ReasonName;
  } else if (word === 'counts') draft.counts.push(first as ReasonName);
  else if (word === 'key') draft.keys.push(words);
  else if (word === 'no-key') draft.noKeys.push(words);
  else if (word === 'learns') draft.learns = first === 'nothing' ? [] : words.split(' ');
  else if (word === 'kernel') draft.kernelNotAsked = words.replace(/^not asked: /, '');
  else if (word === 'seen') draft.seenNothing = words.replace(/^nothing: /, '');
  else return false;
  return true;
}

export function receiveCases(): ReceiveCase[] {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));
  return files.sort().flatMap((file) => parse(file, readFileSync(new URL(file, FOLDER), 'utf8')));
}

/** The frames that come out: of a case that passes its own. */
export function framesOf({ expect, datagrams, frames }: ReceiveCase): readonly ReceivedFrame[] {
  if (expect === 'dropped') return [];
  return expect === 'frames' ? frames : datagrams.map((bytes) => ({ bytes: bytes.slice(8) }));
}
