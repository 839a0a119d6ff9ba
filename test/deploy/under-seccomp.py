"""Runs a command under a seccomp profile, as a container engine or a service manager does: under-seccomp.py PROFILE COMMAND...

The profile is JSON in the form of moby's (of which the OCI's is a part), and loaded by libseccomp, so that the kernel sees what it would see
there. The process is taken to have no capabilities, as with --cap-drop ALL: entries for those who have one are left out.
"""
import json
import os
import platform
import sys

import seccomp

ARCHITECTURE = {'x86_64': 'amd64', 'aarch64': 'arm64'}[platform.machine()]
KERNEL = tuple(int(''.join(filter(str.isdigit, part)) or 0) for part in os.uname().release.split('.')[:2])
OPERATORS = {
    'SCMP_CMP_NE': seccomp.NE,
    'SCMP_CMP_LT': seccomp.LT,
    'SCMP_CMP_LE': seccomp.LE,
    'SCMP_CMP_EQ': seccomp.EQ,
    'SCMP_CMP_GE': seccomp.GE,
    'SCMP_CMP_GT': seccomp.GT,
    'SCMP_CMP_MASKED_EQ': seccomp.MASKED_EQ,
}


def action(name, errno):
    if name == 'SCMP_ACT_ALLOW':
        return seccomp.ALLOW
    if name == 'SCMP_ACT_ERRNO':
        return seccomp.ERRNO(errno if errno is not None else 1)
    raise ValueError(f'an action that no profile of ours has: {name}')


def applies(entry):
    include, exclude = entry.get('includes') or {}, entry.get('excludes') or {}
    minimum = tuple(int(part) for part in include.get('minKernel', '0.0').split('.'))
    return (
        ARCHITECTURE in include.get('arches', [ARCHITECTURE])
        and ARCHITECTURE not in exclude.get('arches', [])
        and not include.get('caps')
        and KERNEL >= minimum
    )


def argument(given):
    # The mask is `value`, and what is left of it must equal `valueTwo`.
    operator = OPERATORS[given['op']]
    values = [given['value']] if operator != seccomp.MASKED_EQ else [given['value'], given.get('valueTwo', 0)]
    return seccomp.Arg(given['index'], operator, *values)


def main():
    with open(sys.argv[1], encoding='utf8') as file:
        profile = json.load(file)
    default = action(profile['defaultAction'], profile.get('defaultErrnoRet'))
    rules = seccomp.SyscallFilter(default)
    for entry in filter(applies, profile['syscalls']):
        act = action(entry['action'], entry.get('errnoRet'))
        for name in entry['names']:
            try:
                rules.add_rule(act, name, *map(argument, entry.get('args') or []))
            except (OSError, ValueError, RuntimeError):
                pass  # not a system call here, or what happens anyway: engines pass over these, too
    rules.load()
    os.execvp(sys.argv[2], sys.argv[2:])


main()
