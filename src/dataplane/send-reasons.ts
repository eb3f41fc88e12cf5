import { REASON } from '../memory/reasons.js';
import {
  EACCES,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EAGAIN,
  EBADFD,
  ECONNREFUSED,
  EHOSTUNREACH,
  EINVAL,
  EIO,
  EMSGSIZE,
  ENETDOWN,
  ENETUNREACH,
  ENOBUFS,
  ENODEV,
  ENOMEM,
  ENXIO,
  EOPNOTSUPP,
  EPERM,
} from '../native/errno.js';
import { BAD_SUPER_FRAME, TOO_BIG } from '../offload/encapsulate.js';

/** The reason behind an errno that sendmmsg answered for a datagram. */
export function sendReason(errno: number): number {
  switch (errno) {
    case EAGAIN:
      return REASON['send-again'];
    case ENOBUFS:
    case ENOMEM:
      return REASON['send-nobufs'];
    case EAFNOSUPPORT:
      return REASON['no-underlay-family'];
    case EMSGSIZE:
      return REASON['too-big'];
    case ENETUNREACH:
    case EHOSTUNREACH:
      return REASON['send-unreachable'];
    case ECONNREFUSED:
      return REASON['send-refused'];
    case EPERM:
    case EACCES:
      return REASON['send-permission'];
    case ENETDOWN:
      return REASON['send-netdown'];
    case EINVAL:
    case EADDRNOTAVAIL:
      return REASON['send-source'];
    case EOPNOTSUPP:
      return REASON['receive-only'];
    default:
      return REASON['send-other'];
  }
}

/** The reason behind an errno that a write to a TAP answered. */
export function portReason(errno: number): number {
  switch (errno) {
    case EAGAIN:
      return REASON['tap-again'];
    case EIO:
      return REASON['tap-down'];
    case EBADFD:
      return REASON['tap-gone'];
    case EINVAL:
      return REASON['tap-invalid'];
    default:
      return REASON['tap-other'];
  }
}

/** The reason behind an errno that sending a frame through an interface of the host answered. */
export function hostReason(errno: number): number {
  switch (errno) {
    case EAGAIN:
    case ENOBUFS:
      return REASON['host-again'];
    case ENETDOWN:
      return REASON['host-down'];
    case ENXIO:
    case ENODEV:
      return REASON['host-gone'];
    case EMSGSIZE:
      return REASON['host-too-long'];
    default:
      return REASON['host-other'];
  }
}

/** The reason behind the Encapsulator's refusal of a packet. */
export function encapsulateReason(result: number): number {
  if (result === TOO_BIG) return REASON['too-big'];
  return result === BAD_SUPER_FRAME ? REASON['bad-super-frame'] : REASON['too-many-segments'];
}
