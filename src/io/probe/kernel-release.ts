/** Releases of the kernel, and those that are known for a fault. */

export type Release = readonly [major: number, minor: number, patch: number];

/** `6.1.0-13-amd64` as [6, 1, 0]; what is no number is 0. */
export function releaseOf(text: string): Release {
  const [major = 0, minor = 0, patch = 0] = text.split(/[.-]/).map((part) => Number.parseInt(part, 10) || 0);
  return [major, minor, patch];
}

/** Negative where `a` is the older one. */
export function compareReleases(a: Release, b: Release): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

export function isAtLeast(text: string, release: Release): boolean {
  return compareReleases(releaseOf(text), release) >= 0;
}

export interface KnownFault {
  /** First and last release with it; distributions carry faults and repairs to others. */
  readonly from: Release;
  readonly until: Release;
  readonly sentence: string;
}

/**
 * UDP_SEGMENT with segments that are all of one size: headers and checksums come out mangled on some drivers (commit
 * b10b446 of 7.0, repaired in 7.1.5). Loopback need not show it, so the release decides.
 */
export const EQUAL_SEGMENTS: KnownFault = {
  from: [7, 0, 0],
  until: [7, 1, 4],
  sentence: 'this release mangles the headers of UDP_SEGMENT bundles whose segments are all of one size',
};

/** A good TAP write of a UDP super-frame with a shorter last datagram, or such a bundle on a socket, answers EINVAL. */
export const SHORT_TAIL: KnownFault = {
  from: [6, 6, 44],
  until: [6, 6, 44],
  sentence: 'this release refuses good bundles whose last segment is shorter than the others (EINVAL)',
};

export function hasFault(text: string, { from, until }: KnownFault): boolean {
  const release = releaseOf(text);
  return compareReleases(release, from) >= 0 && compareReleases(release, until) <= 0;
}
