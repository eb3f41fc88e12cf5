/**
 * `Trains.followers` of ../trains.ts (which says what is asked) with 128-bit instructions: header comparison under two
 * masks and checksums of a whole bundle in one call. AssemblyScript, as checksum.ts.
 *
 * The layout of a plan is that of ../trains.ts (PlanWord, PLAN_*); it begins at a multiple of 16.
 */
import { folded, swapped, swappedSum } from './sums';

const VECTORS: usize = 0;
const L3: usize = 4;
const L4: usize = 8;
const LENGTH: usize = 12;
const PAYLOAD: usize = 16;
const KIND: usize = 20;
const PSEUDO: usize = 24;
const KEY_MASK: usize = 32;
const SAME_MASK: usize = 176;

const IS_IPV4: i32 = 1;
const IS_TCP: i32 = 2;
const MERGES: i32 = 4;

const UNKNOWN: i32 = -1;

/** Whether both checksums of the datagram at `at` are right. */
function isIntact(at: usize, plan: usize): bool {
  const l4 = load<i32>(plan, L4);
  if ((load<i32>(plan, KIND) & IS_IPV4) !== 0 && folded(swappedSum(at + load<i32>(plan, L3), 20)) !== 0xffff)
    return false;
  const sum = swappedSum(at + l4, load<i32>(plan, LENGTH) - l4);
  return folded(sum + swapped(load<u32>(plan, PSEUDO))) === 0xffff;
}

/** See ../trains.ts. */
export function followers(before: usize, at: usize, stride: i32, count: i32, plan: usize, joins: usize): i32 {
  const masks = (<usize>load<i32>(plan, VECTORS)) << 4;
  const l3 = <usize>load<i32>(plan, L3);
  const l4 = <usize>load<i32>(plan, L4);
  const payload = load<i32>(plan, PAYLOAD);
  const kind = load<i32>(plan, KIND);
  const pseudo = swapped(load<u32>(plan, PSEUDO));
  const checksum = l4 + (kind & IS_TCP ? 16 : 6);
  let intact = UNKNOWN;
  for (let n = 0; n < count; n++) {
    let other = i64x2.splat(0);
    let unlike = i64x2.splat(0);
    for (let v: usize = 0; v < masks; v += 16) {
      const bits = v128.xor(v128.load(before + v), v128.load(at + v));
      other = v128.or(other, v128.and(bits, v128.load(plan + v, KEY_MASK)));
      unlike = v128.or(unlike, v128.and(bits, v128.load(plan + v, SAME_MASK)));
    }
    if (v128.any_true(other)) return n;
    const field = <u32>load<u16>(at + checksum);
    if (field === pseudo) return n;
    let joined: i32 = 0;
    let own = UNKNOWN;
    if ((kind & MERGES) !== 0 && !v128.any_true(unlike)) {
      let next = true;
      if ((kind & IS_TCP) !== 0) {
        next = bswap<i32>(load<i32>(at + l4, 4)) === bswap<i32>(load<i32>(before + l4, 4)) + payload;
      } else {
        next = field !== 0 && load<u16>(before + checksum) !== 0;
      }
      if ((kind & IS_IPV4) !== 0 && (load<u8>(at + l3, 6) & 0x40) === 0) {
        const id = (swapped(load<u16>(before + l3, 4)) + 1) & 0xffff;
        next = next && swapped(load<u16>(at + l3, 4)) === id;
      }
      if (next) {
        if (intact === UNKNOWN) intact = isIntact(before, plan) ? 1 : 0;
        own = isIntact(at, plan) ? 1 : 0;
        joined = intact & own;
      }
    }
    store<i32>(joins + ((<usize>n) << 2), joined);
    intact = own;
    before = at;
    at += stride;
  }
  return count;
}
