/** Changes of a burst by somebody who knows what its bytes mean. */
import { type Burst, decodeBurst, encodeBurst, type Message } from './burst.js';
import { layoutOf, repaired } from './frame-fields.js';
import { mutateBytes } from './mutate.js';
import type { Random } from './random.js';

const HEADER = 8;
const LENGTHS = [0, 1, 7, 8, 14, 19, 20, 21, 28, 39, 40, 41, 60, 1500, 0x7fff, 0xffff] as const;

/** Changes bytes of one field in place. */
type FieldChange = (frame: Uint8Array, random: Random) => void;

function put16(bytes: Uint8Array, at: number, value: number): void {
  if (at < 0 || at + 2 > bytes.length) return;
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

function get16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

/** A length that lies, by much or by little. */
function lie(bytes: Uint8Array, at: number, random: Random): void {
  put16(bytes, at, random.once(2) ? random.pick(LENGTHS) : get16(bytes, at) + random.below(9) - 4);
}

const FIELDS: readonly FieldChange[] = [
  (frame, random) => put16(frame, 12, random.pick([0x0800, 0x86dd, 0x8100, 0x88a8, 0x0806, 0x05ff, 0x0600, 0x0000])),
  (frame, random) => {
    const { l3 } = layoutOf(frame);
    if (l3 < frame.length) frame[l3] = random.pick([0x45, 0x44, 0x40, 0x4f, 0x46, 0x65, 0x60, 0x00, 0xff]);
  },
  (frame, random) => {
    const { version, l3 } = layoutOf(frame);
    lie(frame, l3 + (version === 6 ? 4 : 2), random);
  },
  (frame, random) => {
    const { version, l3 } = layoutOf(frame);
    const at = l3 + (version === 6 ? 6 : 9);
    if (at < frame.length) frame[at] = random.pick([0, 1, 6, 17, 43, 44, 50, 51, 58, 59, 60, 132, 255]);
  },
  (frame, random) => {
    const { version, l3 } = layoutOf(frame);
    if (version === 4) put16(frame, l3 + 6, random.pick([0, 0x4000, 0x2000, 0x8000, 1, 0x2001, 0x1fff, 0x6000]));
  },
  (frame, random) => {
    const { l4, protocol } = layoutOf(frame);
    if (protocol === 17) lie(frame, l4 + 4, random);
    else if (protocol === 6 && l4 + 12 < frame.length) frame[l4 + 12] = random.below(256);
  },
  (frame, random) => {
    const { l4, protocol } = layoutOf(frame);
    if (protocol === 6 && l4 + 13 < frame.length)
      frame[l4 + 13] = random.once(2) ? 1 << random.below(8) : random.below(256);
  },
  (frame, random) => {
    const { l4, protocol } = layoutOf(frame);
    put16(frame, l4 + (protocol === 6 ? 16 : 6), random.pick([0, 0xffff, random.below(65536)]));
  },
  (frame, random) => {
    const { l4 } = layoutOf(frame);
    if (l4 >= 0) put16(frame, l4 + 4 + 2 * random.below(6), random.below(65536));
  },
  (frame, random) => {
    const at = random.below(frame.length);
    frame[at] = (frame[at] ?? 0) ^ (1 << random.below(8));
  },
  (frame, random) => {
    const at = 6 * random.below(2);
    frame.fill(random.pick([0, 0xff, 1, 2]), at, at + random.pick([1, 6]));
  },
];

/** Changes the length of a frame. */
function resized(frame: Uint8Array, random: Random): Uint8Array {
  switch (random.below(4)) {
    case 0:
      return frame.slice(0, random.below(frame.length + 1));
    case 1:
      return Uint8Array.from([...frame, ...new Array<number>(1 + random.below(60)).fill(random.below(256))]);
    case 2: {
      const tag = Uint8Array.of(
        random.pick([0x81, 0x88]),
        random.pick([0x00, 0xa8]),
        random.below(256),
        random.below(256),
      );
      return Uint8Array.from([...frame.slice(0, 12), ...tag, ...frame.slice(12)]);
    }
    default: {
      // Payload more or less, with the lengths that belong to it.
      const { version, l3, l4, end, protocol } = layoutOf(frame);
      if (version === 0) return frame;
      const by = random.below(41) - 20;
      const kept = frame.slice(0, Math.max(l4, Math.min(frame.length, end + Math.min(by, 0))));
      const bytes = by > 0 ? Uint8Array.from([...kept, ...new Array<number>(by).fill(0x5a)]) : kept;
      put16(bytes, l3 + (version === 6 ? 4 : 2), bytes.length - (version === 6 ? l3 + 40 : l3));
      if (protocol === 17) put16(bytes, l4 + 4, bytes.length - l4);
      return bytes;
    }
  }
}

/** The segment that a sender would send next. */
function following(frame: Uint8Array): Uint8Array {
  const bytes = frame.slice();
  const { version, l3, l4, end, protocol } = layoutOf(bytes);
  if (version === 4) put16(bytes, l3 + 4, get16(bytes, l3 + 4) + 1);
  if (protocol === 6 && l4 + 20 <= bytes.length) {
    const view = new DataView(bytes.buffer);
    const payload = end - l4 - ((bytes[l4 + 12] ?? 0) >> 4) * 4;
    view.setUint32(l4 + 4, (view.getUint32(l4 + 4) + Math.max(0, payload)) >>> 0);
  }
  return repaired(bytes);
}

function changedFrame(frame: Uint8Array, random: Random): Uint8Array {
  if (frame.length === 0) return Uint8Array.of(random.below(256));
  let changed: Uint8Array = frame.slice();
  if (random.once(3)) changed = resized(changed, random);
  else for (let n = 1 + random.below(2); n > 0; n--) random.pick(FIELDS)(changed, random);
  return random.once(2) && changed.length >= 34 ? repaired(changed) : changed;
}

function changedMessage(message: Message, random: Random, other: Message): Message {
  const { bytes } = message;
  switch (random.below(9)) {
    case 0:
      return { ...message, ecn: random.below(4) };
    case 1:
      return { ...message, truncated: random.once(4) };
    case 2:
      return {
        ...message,
        segmentSize: random.pick([0, bytes.length, bytes.length - 1, random.below(1500), 1, 65535]),
      };
    case 3:
      return { ...message, times: 1 + random.below(random.pick([3, 3, 8, 8, 16, 70, 256])), segmentSize: bytes.length };
    case 4: {
      const header = bytes.slice();
      const at = random.below(HEADER);
      if (at < header.length) header[at] = random.once(2) ? 1 << random.below(8) : random.below(256);
      return { ...message, bytes: header };
    }
    case 5:
      return { ...message, bytes: mutateBytes(bytes, other.bytes, random, 4096) };
    default: {
      const frame = changedFrame(bytes.subarray(HEADER), random);
      return { ...message, bytes: Uint8Array.from([...bytes.subarray(0, HEADER), ...frame]) };
    }
  }
}

function changedMessages(messages: Message[], random: Random): Message[] {
  const at = random.below(messages.length);
  const message = messages[at];
  const other = messages[random.below(messages.length)];
  if (message === undefined || other === undefined) return messages;
  switch (random.below(8)) {
    case 0:
      messages.splice(at, 1);
      break;
    case 1:
      messages.splice(at, 0, message);
      break;
    case 2:
      messages.splice(at, 1, other);
      break;
    case 3: {
      // A train: some segments that go on where this one ends.
      const next = { ...message, times: 1, segmentSize: 0 };
      const train: Message[] = [];
      let bytes = message.bytes;
      for (let n = 1 + random.below(6); n > 0; n--) {
        bytes = Uint8Array.from([...bytes.subarray(0, HEADER), ...following(bytes.subarray(HEADER))]);
        train.push({ ...next, bytes });
      }
      messages.splice(at + 1, 0, ...train);
      break;
    }
    case 4: {
      // What came one by one comes as a bundle.
      const bundle = messages.splice(at, 1 + random.below(8));
      const bytes = Uint8Array.from(Buffer.concat(bundle.map((each) => each.bytes))).slice(0, 8192);
      messages.splice(at, 0, { ...message, times: 1, segmentSize: message.bytes.length, bytes });
      break;
    }
    default:
      messages[at] = changedMessage(message, random, other);
  }
  return messages;
}

/** For `Target.mutate`. */
export function mutateBurst(input: Uint8Array, random: Random): Uint8Array {
  const burst = decodeBurst(input);
  let messages = [...burst.messages];
  for (let n = 1 << random.below(3); n > 0; n--) messages = changedMessages(messages, random);
  const options: Partial<Burst> = random.once(6)
    ? {
        trains: !random.once(4),
        coalescing: !random.once(8),
        classic: random.once(4),
        up: !random.once(16),
        offloads: random.below(4),
        rules: random.below(8),
      }
    : {};
  return encodeBurst({ ...burst, ...options, messages });
}

/** For targets whose input is a frame. */
export function mutateFrame(input: Uint8Array, random: Random): Uint8Array {
  let frame = input;
  for (let n = 1 << random.below(3); n > 0; n--) frame = changedFrame(frame, random);
  return frame;
}
