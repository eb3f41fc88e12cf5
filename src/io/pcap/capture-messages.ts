/** What vtep and its capture process say to each other. */

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

export type FromCapture =
  | { readonly type: 'listening' }
  /** It will not listen, and ends; `isMissing`: the package cap is not usable. */
  | { readonly type: 'refused'; readonly message: string; readonly isMissing: boolean };
