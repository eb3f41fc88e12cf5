import test from 'ava';
import * as vxlan from './vxlan.js';

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));
}

const SOUND = '08 000000 000004 00'; // I flag, reserved, VNI 4, reserved
const FRAME = '525400000001 525400000002 0800';

/** All checks with the default reserved bits, amid bytes that would change every verdict if they were read. */
function check(text: string, high = vxlan.VXLAN_RESERVED_HIGH, low = vxlan.VXLAN_RESERVED_LOW): number {
  const payload = hex(text);
  const verdicts = [0x00, 0xff].map((poison) => {
    const bytes = new Uint8Array(payload.length + 32).fill(poison);
    bytes.set(payload, 16);
    return vxlan.vxlanCheck(bytes, 16, payload.length, high, low);
  });
  if (verdicts[0] !== verdicts[1]) throw new Error('bytes outside the datagram were read');
  return verdicts[0];
}

test('a sound header before a whole frame is accepted', (t) => {
  t.is(check(`${SOUND + FRAME}00`), vxlan.VXLAN_OK);
});

test('robustness 1: a payload of 0 to 7 bytes is short', (t) => {
  for (let length = 0; length < 8; length++) {
    t.is(check(SOUND.replace(/\s/g, '').slice(0, 2 * length)), vxlan.VXLAN_SHORT_HEADER, `${length} bytes`);
  }
});

test('robustness 2: without the I flag there is no VNI, whatever else is set', (t) => {
  t.is(check(`00 000000 000004 00${FRAME}`), vxlan.VXLAN_NO_VNI_FLAG);
  t.is(check(`f7 ffffff 000004 ff${FRAME}`), vxlan.VXLAN_NO_VNI_FLAG, 'before the reserved bits');
  t.is(check('00 000000 000004 00', 0, 0), vxlan.VXLAN_NO_VNI_FLAG, 'before the frame, and with nothing reserved');
});

test('robustness 3: each reserved bit is refused by default and accepted where reserved_bits leaves it out', (t) => {
  let refused = 0;
  for (let bit = 0; bit < 64; bit++) {
    const bytes = hex(SOUND + FRAME);
    bytes[bit >> 3] |= 0x80 >> (bit & 7);
    const text = Buffer.from(bytes).toString('hex');
    const reserved = bit !== 4 && (bit < 32 || bit >= 56);
    t.is(check(text), reserved ? vxlan.VXLAN_RESERVED_BITS : vxlan.VXLAN_OK, `bit ${bit}`);
    const high = bit < 32 ? 0xf7ffffff & ~(0x80000000 >>> bit) : 0xf7ffffff;
    const low = bit < 32 ? 0xff : 0xff & ~(0x80000000 >>> (bit - 32));
    t.is(check(text, high, low), vxlan.VXLAN_OK, `bit ${bit} left out`);
    t.is(check(text, high >>> 0, low >>> 0), vxlan.VXLAN_OK, `bit ${bit} left out, unsigned`);
    if (reserved) refused++;
  }
  t.is(refused, 39);
});

test('the I flag and the VNI are not reserved whatever the mask says', (t) => {
  t.is(check(`08 000000 ffffff 00 ${FRAME}`, -1, -1), vxlan.VXLAN_OK);
});

test('robustness 3 and 4: reserved bits are a question of their own, after the look-up of the VNI', (t) => {
  const bytes = hex('08 000001 000004 00');
  t.is(vxlan.vxlanHeaderCheck(bytes, 0, 8), vxlan.VXLAN_OK);
  const { VXLAN_RESERVED_HIGH, VXLAN_RESERVED_LOW } = vxlan;
  t.is(vxlan.vxlanReservedCheck(bytes, 0, VXLAN_RESERVED_HIGH, VXLAN_RESERVED_LOW), vxlan.VXLAN_RESERVED_BITS);
  t.is(check('08 000001 000004 00'), vxlan.VXLAN_RESERVED_BITS, 'before the frame');
});

test('robustness 5: the VNI is read whole, 0 and 2^24-1 too', (t) => {
  t.is(vxlan.vxlanVni(hex('08 000000 000000 ff'), 0), 0);
  t.is(vxlan.vxlanVni(hex('08 000000 ffffff 00'), 0), vxlan.VXLAN_VNI_MAX);
  t.is(vxlan.vxlanVni(hex('00 08 000000 123456 00'), 1), 0x123456);
});

test('robustness 6: a header with nothing behind it has no frame', (t) => {
  t.is(check(SOUND), vxlan.VXLAN_NO_FRAME);
});

test('robustness 7: a frame of 1 to 13 bytes is short', (t) => {
  for (let length = 1; length < 14; length++) {
    t.is(check(SOUND + FRAME.replace(/\s/g, '').slice(0, 2 * length)), vxlan.VXLAN_SHORT_FRAME, `${length} bytes`);
  }
});

test('robustness 8: a frame of exactly 14 bytes is accepted', (t) => {
  t.is(check(SOUND + FRAME), vxlan.VXLAN_OK);
});

test('a header to send has the I flag, the VNI and nothing else', (t) => {
  for (const [vni, text] of [
    [0, '0800000000000000'],
    [4, '0800000000000400'],
    [0xffffff, '08000000ffffff00'],
  ] as const) {
    const bytes = new Uint8Array(12).fill(0xa5);
    vxlan.putVxlanHeader(bytes, 2, vni);
    t.is(Buffer.from(bytes).toString('hex'), `a5a5${text}a5a5`);
  }
});
