/** Constants of capabilities(7), prctl(2) and seccomp(2): linux/capability.h, prctl.h, seccomp.h. */

/** Bits of a capability set. */
export const CAP_SETGID = 6;
export const CAP_SETUID = 7;
export const CAP_NET_BIND_SERVICE = 10;
export const CAP_NET_ADMIN = 12;
export const CAP_NET_RAW = 13;
/** More than there are: PR_CAPBSET_DROP says EINVAL behind the kernel's last one. */
export const CAPABILITIES = 64;

export const PR_GET_PDEATHSIG = 2;
export const PR_SET_KEEPCAPS = 8;
export const PR_CAPBSET_READ = 23;
export const PR_CAPBSET_DROP = 24;
export const PR_SET_NO_NEW_PRIVS = 38;
export const PR_CAP_AMBIENT = 47;
export const PR_CAP_AMBIENT_RAISE = 2;
export const PR_CAP_AMBIENT_CLEAR_ALL = 4;

export const LINUX_CAPABILITY_VERSION_3 = 0x20080522;
/** struct __user_cap_header_struct, and the two struct __user_cap_data_struct behind it. */
export const CapHeader = { VERSION: 0, PID: 4, SIZE: 8 } as const;
export const CapData = { EFFECTIVE: 0, PERMITTED: 4, INHERITABLE: 8, SIZE: 12 } as const;

export const SYS_SECCOMP = process.arch === 'arm64' ? 277 : 317;
export const SECCOMP_SET_MODE_FILTER = 1;
export const SECCOMP_FILTER_FLAG_TSYNC = 1;
/** Without it, kernels before 5.16 turn speculation off for the whole process. */
export const SECCOMP_FILTER_FLAG_SPEC_ALLOW = 4;
export const SECCOMP_RET_ALLOW = 0x7fff0000;
