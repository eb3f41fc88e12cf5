/** What vtep and its capture process say to each other. */

import type { Identity } from '../../native/credentials.js';

/** The descriptor under which the capture process finds its end of the handover. */
export const HANDOVER_FD = 4;

export interface CaptureOptions {
  /** Interface to listen on. */
  readonly dev: string;
  readonly port: number;
  /** Only what is sent to this address, as text; absent: to any. */
  readonly local?: string;
  readonly udp6ZeroChecksum: boolean;
}

/** What is said to a process that listens: it becomes another user, and needs no capabilities. */
export interface Confine {
  readonly confine: Identity;
}

export type FromCapture =
  | { readonly type: 'listening' }
  | { readonly type: 'confined' }
  /** It could not, and has ended. */
  | { readonly type: 'unconfined'; readonly message: string }
  /** It will not listen, and ends; `isMissing`: the package cap is not usable. */
  | { readonly type: 'refused'; readonly message: string; readonly isMissing: boolean };
