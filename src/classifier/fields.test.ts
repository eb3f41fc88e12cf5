import test from 'ava';
import { encodeField, FIELDS, type Field, type FieldName, isFieldName } from './fields.js';
import { KEY_WORDS, KeyWord } from './flow-key.js';

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(/[ :]/g, ''), 'hex'));
}

/** The words of key and mask that are not zero, in hex. */
function encoded(...fields: readonly (readonly [FieldName, string, string])[]): Record<string, string> {
  const key = new Int32Array(KEY_WORDS);
  const mask = new Int32Array(KEY_WORDS);
  for (const [name, value, bits] of fields) encodeField(name, bytes(value), bytes(bits), key, mask);
  const words: Record<string, string> = {};
  for (let i = 0; i < KEY_WORDS; i++) if (mask[i] !== 0 || key[i] !== 0) words[i] = `${hex(key[i])}/${hex(mask[i])}`;
  return words;
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}

test('the MACs share the word between them', (t) => {
  t.deepEqual(
    encoded(
      ['dst_mac', '02:25:d0:13:01:02', 'ff:ff:ff:ff:ff:ff'],
      ['src_mac', '24:25:d0:e1:00:07', 'ff:ff:ff:ff:ff:ff'],
    ),
    {
      [KeyWord.ETH_DST]: '0225d013/ffffffff',
      [KeyWord.ETH_DST + 1]: '01022425/ffffffff',
      [KeyWord.ETH_DST + 2]: 'd0e10007/ffffffff',
    },
  );
  t.deepEqual(encoded(['src_mac', '24:25:d0:e1:00:07', 'ff:ff:ff:00:00:00']), {
    [KeyWord.ETH_SRC]: '00002425/0000ffff',
    [KeyWord.ETH_SRC + 1]: 'd0000000/ff000000',
  });
});

test('the MACs of ARP have two words each', (t) => {
  t.deepEqual(encoded(['arp_sha', '24:25:d0:e1:00:07', 'ff:ff:ff:ff:ff:ff']), {
    [KeyWord.ARP_SHA]: '2425d0e1/ffffffff',
    [KeyWord.ARP_SHA + 1]: '00070000/ffff0000',
  });
});

test('numbers stand in the low bytes of their word', (t) => {
  t.deepEqual(
    encoded(
      ['indev', '00 00 00 07', 'ff ff ff ff'],
      ['eth_type', '08 00', 'ff ff'],
      ['ip_proto', '06', 'ff'],
      ['dst_port', '12 b5', 'ff f0'],
      ['enc_key_id', '00 00 00 04', 'ff ff ff ff'],
      ['enc_dst_port', '12 b5', 'ff ff'],
      ['enc_tos', '28', 'fc'],
    ),
    {
      [KeyWord.INDEV]: '00000007/ffffffff',
      [KeyWord.ETH_TYPE]: '00000800/0000ffff',
      [KeyWord.IP_PROTO]: '00000006/000000ff',
      [KeyWord.DST_PORT]: '000012b0/0000fff0',
      [KeyWord.ENC_KEY_ID]: '00000004/ffffffff',
      [KeyWord.ENC_DST_PORT]: '000012b5/0000ffff',
      [KeyWord.ENC_TOS]: '00000028/000000fc',
    },
  );
});

test('an IPv4 address has the first of its four words and implies IP version 4', (t) => {
  t.deepEqual(encoded(['dst_ip', '0a 01 02 03', 'ff ff ff 00']), {
    [KeyWord.DST_IP]: '0a010200/ffffff00',
    [KeyWord.IP_VERSION]: '00000004/ffffffff',
  });
});

test('an IPv6 address has four words and implies IP version 6', (t) => {
  t.deepEqual(encoded(['src_ip', '20010db8 00000000 00000000 00000001', 'ffffffff ffffffff 00000000 00000000']), {
    [KeyWord.SRC_IP]: '20010db8/ffffffff',
    [KeyWord.SRC_IP + 1]: '00000000/ffffffff',
    [KeyWord.IP_VERSION]: '00000006/ffffffff',
  });
});

test('outer addresses imply the family of the outer header, under an empty mask too', (t) => {
  t.deepEqual(encoded(['enc_dst_ip', 'c0 a8 01 0d', '00 00 00 00'], ['enc_src_ip', 'c0 a8 01 0e', 'ff ff ff ff']), {
    [KeyWord.ENC_SRC_IP]: 'c0a8010e/ffffffff',
    [KeyWord.ENC_FAMILY]: '00000004/ffffffff',
  });
});

test('a group policy is matched in frames that have one only, under an empty mask too', (t) => {
  t.deepEqual(encoded(['vxlan_opts', '00 00 00 07', '00 48 ff ff']), {
    [KeyWord.ENC_GBP]: '00000007/0048ffff',
    [KeyWord.ENC_FLAGS]: '00000020/00000020',
  });
  t.deepEqual(encoded(['vxlan_opts', '00 00 00 00', '00 00 00 00']), { [KeyWord.ENC_FLAGS]: '00000020/00000020' });
});

test('addresses of two families are refused and leave the key alone', (t) => {
  const key = new Int32Array(KEY_WORDS);
  const mask = new Int32Array(KEY_WORDS);
  encodeField('dst_ip', new Uint8Array(4), new Uint8Array(4), key, mask);
  const before = [key.slice(), mask.slice()];
  t.throws(() => encodeField('src_ip', new Uint8Array(16).fill(1), new Uint8Array(16).fill(255), key, mask), {
    instanceOf: RangeError,
    message: /address family/,
  });
  t.deepEqual([key, mask], before);
});

test('a value of another width, or of more bits than the field has, is refused', (t) => {
  t.throws(() => encoded(['dst_mac', '02:25:d0:13', 'ff:ff:ff:ff']), { message: /dst_mac: 6 bytes/ });
  t.throws(() => encoded(['dst_ip', '0a 01 02', 'ff ff ff']), { message: /dst_ip: 4 or 16 bytes/ });
  t.throws(() => encoded(['dst_port', '12 b5', 'ff']), { message: /dst_port: 2 bytes/ });
  t.throws(() => encoded(['vlan_id', '10 00', 'ff ff']), { message: /vlan_id: more than 12 bits/ });
  t.throws(() => encodeField('ip_tos', bytes('00'), bytes('ff'), new Int32Array(4), new Int32Array(KEY_WORDS)));
});

test('a mask of whole bytes covers only the bits of the field', (t) => {
  t.deepEqual(encoded(['vlan_id', '00 64', 'ff ff'], ['vlan_prio', '05', 'ff'], ['l2_miss', '01', 'ff']), {
    [KeyWord.VLAN_ID]: '00000064/00000fff',
    [KeyWord.VLAN_PRIO]: '00000005/00000007',
    [KeyWord.L2_MISS]: '00000001/00000001',
  });
});

test('no two fields overlap, and every field lies within the key', (t) => {
  const owner = new Map<number, string>();
  for (const [name, field] of Object.entries<Field>(FIELDS)) {
    t.is(field.word, field.byte >> 2, name);
    for (let i = 0; i < Math.max(...field.widths); i++) {
      t.is(owner.get(field.byte + i), undefined, `${name} and ${owner.get(field.byte + i)}`);
      owner.set(field.byte + i, name);
    }
  }
  t.true(Math.max(...owner.keys()) < KEY_WORDS * 4);
});

test('every word of the key belongs to a field or to what addresses imply', (t) => {
  const words = new Set<number>([KeyWord.IP_VERSION, KeyWord.ENC_FAMILY]);
  for (const field of Object.values<Field>(FIELDS))
    for (let i = 0; i < Math.max(...field.widths); i++) words.add((field.byte + i) >> 2);
  for (const [name, word] of Object.entries(KeyWord)) t.true(words.has(word), name);
});

test('a field is known by the name of tc only', (t) => {
  t.true(isFieldName('enc_key_id'));
  t.false(isFieldName('ct_state'));
  t.false(isFieldName('toString'));
});
