import type { Target } from './target.js';
import { target as batch } from './targets/batch.js';
import { target as cmsg } from './targets/cmsg.js';
import { target as coalesce } from './targets/coalesce.js';
import { target as control } from './targets/control.js';
import { target as datapath } from './targets/datapath.js';
import { target as dissect } from './targets/dissect.js';
import { target as outer } from './targets/outer.js';
import { target as rules } from './targets/rules.js';
import { target as transmit } from './targets/transmit.js';

/** All there are, in the order in which they run. */
export const TARGETS: readonly Target[] = [datapath, transmit, coalesce, dissect, outer, cmsg, batch, rules, control];
